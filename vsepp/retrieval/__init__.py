"""Using and measuring a trained model."""
