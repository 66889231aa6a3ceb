"""What commands share with the shell that they are typed at: help, messages, completion, settings."""
