"""The second task: a sentence for an image, chosen by CIDEr-D on validation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import paddle

from vsepp.captioning.options import Decoding
from vsepp.captioning.scoring import CaptionScorer
from vsepp.captioning.sentences import written
from vsepp.captioning.splits import caption_images
from vsepp.config import Config
from vsepp.data.caption_batches import caption_loader
from vsepp.data.dataset import CaptionDataset
from vsepp.data.prepared import Prepared
from vsepp.metrics.captions.result import CaptionResult
from vsepp.models.caption_decoders.word_decoder import targets_of
from vsepp.models.caption_loss import caption_loss
from vsepp.models.caption_parts import (
    DECODER,
    WORD_ROWS,
    DecoderParts,
    build_captioner,
    check_caption_keys,
)
from vsepp.models.image_encoders.cell_encoder import CellEncoder
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.recomputing import recompute_blocks
from vsepp.models.twins import compute
from vsepp.system.memory import keep_freed, return_large_blocks
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import SPECIAL_WORDS, UNK, Vocabulary
from vsepp.training.data import worker_count
from vsepp.training.dataset_task import DatasetTask
from vsepp.training.task import HELPED, Objective, Scored
from vsepp.training.without_effect import keys_without_effect


class CaptionedSplit(NamedTuple):
    """What a listener may draw of a scored split.

    Attributes:
        dataset: ``CaptionDataset``.
        sentences: one for each image.
        result: their scores.
    """

    dataset: CaptionDataset
    sentences: list[str]
    result: CaptionResult


class CaptionObjective(Objective):
    """A captioner and its loss under teacher forcing.

    A batch is (images or the features of their cells ``[images, …]``, captions int64 ``[n, time]``,
    lengths int64 ``[n]``, the row of each caption's image int64 ``[n]``, image ids int64
    ``[images]``), as ``caption_loader`` gives them.

    Args:
        config: the run's configuration.
        decoder, image: what the captioner is made of.
        with_weights: see :class:`vsepp.training.task.Task`.
    """

    def __init__(
        self, config: Config, decoder: DecoderParts, image: CellEncoder, with_weights: bool = True
    ) -> None:
        self.config = config
        self.decoder, self.image = decoder, image
        self.model = build_captioner(image, decoder, with_weights)
        if config.micro_batch_size:
            return_large_blocks()
        elif image.feature_size:
            keep_freed()
        if config.recompute and not image.feature_size:
            recompute_blocks(self.model.image_extractor.backbone)
        self.batch_images: Any = None  # numbers of those that the last step saw

    def encode_images(self, images: paddle.Tensor) -> paddle.Tensor:
        return compute(self.model.image_extractor, images)

    def encode_texts(self, batch: Any, image_codes: paddle.Tensor) -> Any:
        """Logits of words, and where each looked; see ``WordDecoder.forward``."""
        captions, lengths, rows = self._own_captions(batch)
        kept = self.model.image_extractor.drawn_cells(image_codes)
        return compute(self.model.decoder, image_codes, captions, lengths, rows, kept)

    def loss(self, image_codes: paddle.Tensor, text_codes: Any, batch: Any) -> paddle.Tensor:
        captions, lengths, _ = self._own_captions(batch)
        self.batch_images = batch[4]
        logits, attention = text_codes
        targets = paddle.to_tensor(targets_of(captions.numpy(), lengths.numpy()))
        loss = caption_loss(
            logits.astype("float32"),
            targets,
            attention.astype("float32"),
            lengths,
            self.config.label_smoothing,
            self.config.doubly_stochastic,
            None if self.ranks.count == 1 else batch[2],
        )
        return self.ranks.total(loss)

    def _own_captions(self, batch: Any) -> Sequence[paddle.Tensor]:
        """Of the captions of a batch those of the images that this process looks at: captions,
        lengths and rows, as a batch has them."""
        images, captions, lengths, rows, ids = batch
        if self.ranks.count == 1:
            return captions, lengths, rows
        first = self.ranks.share.rows(len(ids)).start
        places = rows.numpy() - first
        own = np.flatnonzero((places >= 0) & (places < len(images)))
        lengths = paddle.to_tensor(lengths.numpy()[own])
        captions = paddle.to_tensor(captions.numpy()[own])[:, : int(lengths.max())]
        return captions, lengths, paddle.to_tensor(places[own])


class CaptionTask(CaptionObjective, DatasetTask):
    """Training of a captioner on a prepared data set, as photographs or stored grids.

    Args, raises: see :class:`vsepp.training.task.Task`; ``prepared`` is the data set, where it is
    open already.

    Attributes:
        loader: the training split's.
    """

    score_name = "CIDEr-D"

    def __init__(
        self,
        config: Config,
        with_weights: bool = True,
        prepared: Prepared | None = None,
        ranks: Alone = ALONE,
    ) -> None:
        self.ranks = ranks
        check_caption_keys(config, with_weights)
        self.open_data(config, prepared)
        train = self.data.splits["train"]
        vocabulary = known_words(train, config.max_words)
        decoder = DecoderParts(config, WordReader(vocabulary, self.data.tokenizer))
        if vocabulary is not train.vocabulary:
            captions = renumbered(train.captions, train.vocabulary, vocabulary)
            train.take_captions(captions, decoder.reader)
        image = CellEncoder.for_training(config, self.feature_size)
        super().__init__(config, decoder, image, with_weights)
        self.said = [*decoder.said, *keys_without_effect(config)]
        self.loader = caption_loader(
            train, config.batch_size, config.seed, worker_count(config), ranks.share
        )
        self.steps = len(self.loader)
        self._scorers: dict[str, CaptionScorer] = {}

    @property
    def reader(self) -> WordReader:
        return self.decoder.reader

    # ---- data and score

    def batches(self, epoch: int, skip: int) -> Iterable:
        self.loader.batch_sampler.set_epoch(epoch, skip=skip)
        return self.loader

    def score(self, split: str) -> Scored:
        config, dataset = self.config, self.data.splits[split]
        decoding = Decoding(
            config.beam,
            longest=config.max_len,
            length_penalty=config.length_penalty,
            block_ngram=config.block_ngram,
        )
        vocabulary = self.reader.vocabulary
        made = caption_images(self.model, dataset, vocabulary, decoding, ranks=self.ranks)
        if not self.ranks.leads:
            return HELPED
        words = vocabulary.words
        sentences = [written([words[index] for index in each[0].words]) for each in made]
        if split not in self._scorers:
            self._scorers[split] = CaptionScorer(dataset, self.data.tokenizer)
        result = self._scorers[split].score(sentences, decoding.description)
        metrics = result.metrics
        line = "  ".join(f"{name} {value:.1f}" for name, value in metrics.items())
        return Scored(metrics, metrics, line, CaptionedSplit(dataset, sentences, result))

    # ---- checkpoints

    def contents(self) -> dict:
        own = {**self.reader.contents(), **self.image.contents()}
        return {**own, **self.contents_of_data()}

    @property
    def of_words(self) -> dict[str, int]:
        return {DECODER + name: axis for name, axis in WORD_ROWS.items()}


def known_words(dataset: CaptionDataset, most: int) -> Vocabulary:
    """The words that a captioner knows: those of a data set, or the commonest of its captions."""
    vocabulary = dataset.vocabulary
    if not most or len(vocabulary) - len(SPECIAL_WORDS) <= most:
        return vocabulary
    return vocabulary.commonest(dataset.captions, most)


def renumbered(captions: list[list[int]], theirs: Vocabulary, ours: Vocabulary) -> list[list[int]]:
    """Captions in the indices of a vocabulary that has fewer words; the others are unknown."""
    unknown = ours.word_to_index[UNK]
    numbers = [ours.word_to_index.get(word, unknown) for word in theirs.words]
    return [[numbers[index] for index in caption] for caption in captions]
