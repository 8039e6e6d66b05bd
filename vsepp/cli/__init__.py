"""The commands behind ``vsepp`` and ``tools/*.py``: arguments in, exit status out."""
