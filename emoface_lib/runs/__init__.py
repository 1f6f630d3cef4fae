"""Notebooks run in order and many times (notebook 10)."""
