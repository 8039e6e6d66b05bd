"""Sentences for photographs: from a captioner's probabilities to words."""
