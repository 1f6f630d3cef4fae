"""Figures: data in, axes out."""
