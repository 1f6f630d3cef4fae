"""The embedded corpus: drawn heads with formant speech (4.1; notebook 01)."""
