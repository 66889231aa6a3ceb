"""charnn beside other packages' best ways to do the same work.

Every contender runs in a process of its own (`contender`), started and told when to go by a race (`process`, `race`).
torch and jax are imported there alone, by `torch_train`, `torch_sample` and `jax_peer`. `python -m
tests.benchmarks.peers` runs the rows of the table of docs/speed.md (`table`).
"""
