"""Corpora: the embedded one of drawn talking heads, and trees of real clips."""
