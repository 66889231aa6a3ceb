"""A run, its checkpoint, and the folder that it is kept in."""
