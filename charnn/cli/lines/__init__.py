"""Commands that answer lines: a line in, a line out, written before the next one is waited for."""
