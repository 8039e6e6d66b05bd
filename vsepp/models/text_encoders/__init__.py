"""Text encoders, one to a file; ``vsepp.models.encoders`` lists them by name."""
