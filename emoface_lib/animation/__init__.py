"""A photograph animated by a voice (Figure 1; notebook 09)."""
