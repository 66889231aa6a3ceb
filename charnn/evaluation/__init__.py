"""The verb eval: scores, n-gram baselines, dynamic evaluation, mixtures, overlap with the training text."""
