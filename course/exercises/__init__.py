"""Checkers of the exercises, a module a lesson: each answers with a sentence."""
