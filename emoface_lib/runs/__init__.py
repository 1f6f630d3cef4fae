"""The command, and notebooks run in order and many times (notebook 10)."""
