"""Searching one's own photographs: exact and approximate search, and the index of a folder."""
