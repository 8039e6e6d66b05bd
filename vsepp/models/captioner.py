"""A captioner: photographs' cells, and a decoder that makes sentences of them."""

from __future__ import annotations

import paddle
from paddle import nn

from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.models.image_encoders.grid_cells import FeatureCells, ImageCells


class Captioner(nn.Layer):
    """Images and captions → logits of the captions' words.

    Args:
        image_extractor: from images, or features of their cells, to ``[images, cells,
            cell_size]``.
        decoder: one of ``vsepp.models.decoders.CAPTION_DECODERS``.
    """

    def __init__(self, image_extractor: FeatureCells | ImageCells, decoder: WordDecoder) -> None:
        super().__init__()
        self.image_extractor = image_extractor
        self.decoder = decoder

    def train(self) -> Captioner:
        """Training mode for all but a frozen backbone."""
        super().train()
        self.image_extractor.train()
        return self

    def forward(
        self,
        images: paddle.Tensor,
        captions: paddle.Tensor,
        lengths: paddle.Tensor,
        rows: paddle.Tensor,
    ) -> tuple[paddle.Tensor, paddle.Tensor]:
        """Logits of words, and where each word looked.

        Args:
            images: what the image extractor takes: images or features of cells, each once.
            captions, lengths: see :meth:`WordDecoder.forward`.
            rows: int64 ``[n]``, each caption's row of ``images``.

        Returns:
            (float32 ``[words, vocab_size]``, float32 ``[words, cells]``)
        """
        cells = self.image_extractor(images)
        kept = self.image_extractor.drawn_cells(cells)
        return self.decoder(cells, captions, lengths, rows, kept)
