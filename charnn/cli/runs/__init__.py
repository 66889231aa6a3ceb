"""The commands that manage runs."""
