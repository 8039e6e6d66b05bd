"""Sentences for photographs: decoding, the captioner, files of captions."""
