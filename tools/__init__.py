"""What `make` uses beside the library: checks and stores the notebooks."""
