"""Files: written whole or not at all, read with one clear sentence, told apart by content."""
