"""Weights, layers, loss: the network as a function of its parameters."""
