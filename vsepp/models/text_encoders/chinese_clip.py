"""The text side of Chinese-CLIP (Yang et al., 2022): a BERT whose first state is projected."""
