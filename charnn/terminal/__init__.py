"""What a terminal shows, on standard error: the only package that imports rich and tqdm."""
