"""What is computed of photographs once and kept beside them: features, and decoded pixels."""
