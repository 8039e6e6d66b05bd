"""The commands behind ``tools/*.py``: arguments in, exit status out."""
