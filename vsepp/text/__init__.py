"""Sentences: how they are cut into words, and the words' indices."""
