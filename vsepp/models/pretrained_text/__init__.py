"""Pretrained text encoders as others keep them: a folder of Hugging Face's or of PaddleNLP's."""
