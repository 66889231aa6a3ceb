"""What a terminal shows: the only package that imports rich and tqdm."""
