"""Mutation testing: `python -m tests.mutation --help`.

A mutant is a module with one small mistake. Tests that notice it kill the mutant; those that none notices survive.
"""
