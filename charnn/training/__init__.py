"""The verb train: sessions, updates, schemes, schedules, budgets."""
