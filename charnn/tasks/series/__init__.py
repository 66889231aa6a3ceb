"""The task values: the next vector of a series of numbers."""
