"""Caption decoders, one to a file; ``vsepp.models.decoders`` lists them by name."""
