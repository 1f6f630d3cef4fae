"""Real corpora: found, looked into, prepared (4.1; notebook 01)."""
