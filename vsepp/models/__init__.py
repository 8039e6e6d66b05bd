"""The networks: image and text encoders and what they are made of."""
