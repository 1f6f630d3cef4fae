"""Typical mistakes in the exercises, a module a lesson.

MISTAKES : id of the solution's cell -> pairs of a wrong answer's code and words of the
sentence that its checker says. The tests hand them in; the instructor edition lists
them.
"""
