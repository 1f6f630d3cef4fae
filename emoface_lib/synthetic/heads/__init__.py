"""Drawn heads: shape, mesh, look, texture, and what moves by itself."""
