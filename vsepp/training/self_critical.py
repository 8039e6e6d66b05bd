"""Training a captioner on CIDEr-D itself, over sentences that it samples (self-critical training).

Rennie et al., *Self-critical sequence training for image captioning* (CVPR 2017), with the mean of
an image's other samples as what a sample is measured by, as in Luo, *A better variant of
self-critical sequence training* (2020). Rewards count the end of a sentence as a word of it, or
sentences would learn to stop anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import paddle

from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.data.dataset import CaptionDataset
from vsepp.data.padding import padded
from vsepp.metrics.captions.cider import CiderD
from vsepp.metrics.captions.ngrams import count_ngrams
from vsepp.models.caption_decoders.word_decoder import WordDecoder
from vsepp.text.vocabulary import END, START, Vocabulary


class Samples(NamedTuple):
    """Sentences that a captioner drew for the images of a batch.

    Attributes:
        captions: int64 ``[n, time]``, ``<start> words <end>``, padded.
        lengths: int64 ``[n]``.
        rows: int64 ``[n]``, each one's image in the batch.
        advantages: float32 ``[n]``, by how much each is better than the others of its image, in
            CIDEr-D from 0 to 10.
    """

    captions: paddle.Tensor
    lengths: paddle.Tensor
    rows: paddle.Tensor
    advantages: np.ndarray


class SelfCritic:
    """Draws sentences for training images and rewards them.

    Args:
        dataset: the training split; its captions, as indices, are the references.
        vocabulary: the captioner's words.
        samples: sentences drawn for an image, at least two.
        temperature: of the draws; the loss is to be of the distribution that they come from. After
            cross-entropy with label smoothing most sentences that are drawn at 1 have a word from
            nowhere in them, and what is learnt first is to stop before it comes.
        longest: words of a sentence, at most.
    """

    def __init__(
        self,
        dataset: CaptionDataset,
        vocabulary: Vocabulary,
        samples: int,
        temperature: float,
        longest: int,
    ) -> None:
        self.vocabulary, self.samples, self.longest = vocabulary, samples, longest
        self.temperature = temperature
        self.start, self.end = (vocabulary.word_to_index[mark] for mark in (START, END))
        count = dataset.captions_per_image
        ngrams = [count_ngrams(list(map(str, caption[1:]))) for caption in dataset.captions]
        self.reward = CiderD(
            [ngrams[first : first + count] for first in range(0, len(ngrams), count)]
        )

    def __call__(
        self, decoder: WordDecoder, cells: paddle.Tensor, images: Sequence[int], seed: int
    ) -> Samples:
        """Sentences for the images of a batch.

        Args:
            decoder: what draws them; nothing of it is left out meanwhile.
            cells: ``[images, cells, cell_size]``.
            images: positions of the images in the training split.
            seed: what the draws follow from, with an image's position.
        """
        decoding = Decoding(
            sample=True,
            captions=self.samples,
            temperature=self.temperature,
            longest=self.longest,
            seed=seed,
        )
        step = decoder.stepper(cells.astype("float32").numpy())
        drawn = decode(step, len(images), self.vocabulary, decoding, numbers=images)
        captions = [
            [self.start, *caption.words, *([self.end] if caption.ended else [])]
            for found in drawn
            for caption in found
        ]
        rewards = np.array(
            [
                self.reward(image, count_ngrams(list(map(str, caption[1:]))))
                for image, caption in zip(np.repeat(images, self.samples).tolist(), captions)
            ],
            np.float32,
        ).reshape(-1, self.samples)
        others = (rewards.sum(axis=1, keepdims=True) - rewards) / (self.samples - 1)
        grid, lengths = padded(captions)
        rows = np.repeat(np.arange(len(images)), self.samples)
        return Samples(
            paddle.to_tensor(grid),
            paddle.to_tensor(lengths),
            paddle.to_tensor(rows),
            (rewards - others).reshape(-1),
        )
