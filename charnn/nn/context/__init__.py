"""Layers that look back at a bounded stretch of their inputs, in the place of a recurrence."""
