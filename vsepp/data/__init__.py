"""Data sets: where they come from, how they are prepared, how they are read."""
