"""Processor, memory, signals, files, locks, progress, errors. No Paddle here."""
