"""Attacks on the real program, drawn at random by a seed: `python -m tests.faults.attack --help`.

An attack is a command line with files, variables, limits and streams that an enemy, or bad luck, could give it. The
program has held if it does its work or ends with one line that says why, by an exit code that the documentation names.
"""
