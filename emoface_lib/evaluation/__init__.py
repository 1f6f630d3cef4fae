"""Metrics, baselines and the rows of Table 2 (4.3; notebook 07)."""
