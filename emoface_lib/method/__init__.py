"""The method: two branches, losses, training (3.2, 3.3; notebooks 04, 05, 08)."""
