"""The two commands for a bare machine. Standard library only."""
