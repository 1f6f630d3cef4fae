"""A photograph that says a voice (Figure 1; notebook 09)."""
