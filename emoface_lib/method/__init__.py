"""The method: both branches, their losses and training (3.2, 3.3, 4.2, 4.4; 04, 05, 08)."""
