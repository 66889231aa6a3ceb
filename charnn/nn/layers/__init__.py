"""Layers, one a file: pairs of functions over a window of time. `base` says what a layer is.

Nothing is imported here: a program that uses one layer does not wait for the others.
"""
