"""What a run can learn, one task a file: `base` says what a task is, and `choices.TASKS` lists them."""
