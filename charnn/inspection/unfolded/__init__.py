"""A network unfolded over a short text: the gradient path by path, and every number of a pass."""
