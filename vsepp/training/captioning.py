"""The second task: a sentence for an image, chosen by CIDEr-D on validation."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from vsepp.captioning.next_words import NotFinite
from vsepp.captioning.options import Decoding
from vsepp.captioning.scoring import CaptionScorer
from vsepp.captioning.sentences import Sentence
from vsepp.captioning.splits import caption_images
from vsepp.config import Config
from vsepp.data.caption_batches import caption_loader
from vsepp.data.dataset import CaptionDataset
from vsepp.data.prepared import Prepared, dataset_words
from vsepp.models.caption_decoders.word_decoder import targets_of
from vsepp.models.caption_loss import caption_loss, rewarded_loss
from vsepp.models.caption_parts import (
    DECODER,
    WORD_ROWS,
    DecoderParts,
    build_captioner,
    check_caption_keys,
)
from vsepp.models.image_encoders.cell_encoder import CellEncoder
from vsepp.models.ranks import ALONE, Alone
from vsepp.models.twins import compute
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import SPECIAL_WORDS, UNK, Vocabulary
from vsepp.training.data import worker_count
from vsepp.training.dataset_task import DatasetTask
from vsepp.training.self_critical import SelfCritic
from vsepp.training.step_memory import handle_memory
from vsepp.training.task import HELPED, Diverged, Objective, Scored
from vsepp.training.without_effect import keys_without_effect


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
        handle_memory(config, image, self.model)
        self.batch_images: Any = None  # numbers of those that the last step saw
        self.critic: SelfCritic | None = None  # in the epochs of self_critical
        self.advantages = np.empty(0, np.float32)  # of each sampled sentence, then

    def encode_images(self, images: paddle.Tensor) -> paddle.Tensor:
        return compute(self.model.image_extractor, images)

    def encode_texts(self, batch: Any, image_codes: paddle.Tensor) -> Any:
        """Logits of words, and where each looked, see ``WordDecoder.forward``; then the captions
        and lengths that they are of: the batch's own, or sampled ones."""
        captions, lengths, rows, images = self._own_captions(batch)
        if self.critic is not None:
            seed = self.ranks.told(paddle.randint(0, 2**31 - 1, [1]).item())
            captions, lengths, rows, self.advantages = self.critic(
                self.model.decoder, image_codes, images, seed
            )
        kept = self.model.image_extractor.drawn_cells(image_codes)
        found = compute(self.model.decoder, image_codes, captions, lengths, rows, kept)
        return (*found, captions, lengths)

    def loss(self, image_codes: paddle.Tensor, text_codes: Any, batch: Any) -> paddle.Tensor:
        self.batch_images = batch[4]
        logits, attention, captions, lengths = text_codes
        targets = paddle.to_tensor(targets_of(captions.numpy(), lengths.numpy()))
        if self.critic is not None:
            of_words = np.repeat(self.advantages, lengths.numpy() - 1)
            logits = logits.astype("float32") / self.critic.temperature
            loss = rewarded_loss(logits, targets, paddle.to_tensor(of_words))
            share = len(of_words) / sum(self.ranks.all(len(of_words)))
            return self.ranks.total(loss * share)
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

    def _own_captions(self, batch: Any) -> tuple[Any, Any, Any, list[int]]:
        """Of the captions of a batch those of the images that this process looks at: captions,
        lengths and rows, as a batch has them; and the numbers of these images."""
        images, captions, lengths, rows, ids = batch
        numbers = ids.numpy().tolist()
        if self.ranks.count == 1:
            return captions, lengths, rows, numbers
        first = self.ranks.share.rows(len(ids)).start
        places = rows.numpy() - first
        own = np.flatnonzero((places >= 0) & (places < len(images)))
        lengths = paddle.to_tensor(lengths.numpy()[own])
        captions = paddle.to_tensor(captions.numpy()[own])[:, : int(lengths.max())]
        rows = paddle.to_tensor(places[own])
        return captions, lengths, rows, numbers[first : first + len(images)]


class CaptionTask(CaptionObjective, DatasetTask):
    """Training of a captioner on a prepared data set, as photographs or stored grids.

    Args, raises: see :class:`vsepp.training.task.Task`; ``prepared`` is the data set, where it is
    open already.
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
        if len(vocabulary) == len(SPECIAL_WORDS):
            again = command("prepare", *dataset_words(train.folder))
            raise InputError(
                f"the vocabulary of {config.dataset} has no words, so that there is nothing to "
                f"write: run `{again} --min-word-count 0 --force`."
            )
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
        self._critic: SelfCritic | None = None  # made when it is first needed

    @property
    def reader(self) -> WordReader:
        return self.decoder.reader

    def begin_epoch(self, epoch: int) -> None:
        """Take up the loss of the epoch: the last ones may be of sampled sentences."""
        config = self.config
        self.critic = None
        if epoch >= config.num_epochs - config.self_critical:
            if self._critic is None:
                self._critic = SelfCritic(
                    self.data.splits["train"],
                    self.reader.vocabulary,
                    config.self_critical_samples,
                    config.self_critical_temperature,
                    config.max_len,
                )
            self.critic = self._critic

    def score(self, split: str) -> Scored:
        dataset, vocabulary = self.data.splits[split], self.reader.vocabulary
        decoding = Decoding.configured(self.config)
        try:
            made = caption_images(self.model, dataset, vocabulary, decoding, ranks=self.ranks)
        except NotFinite:
            raise Diverged(f"the model gives NaN or infinity for the {split} split") from None
        if not self.ranks.leads:
            return HELPED
        sentences = [[Sentence.of(caption, vocabulary) for caption in of] for of in made]
        if split not in self._scorers:
            self._scorers[split] = CaptionScorer(dataset, self.data.tokenizer)
        shown = self._scorers[split].captioned(sentences, decoding.description)
        metrics = shown.result.metrics
        line = "  ".join(f"{name} {value:.1f}" for name, value in metrics.items())
        return Scored(metrics, metrics, line, shown)

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
