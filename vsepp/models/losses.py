"""Losses over a batch of pairs: triplet (VSE++, equations 5 and 6), N-pair, soft targets."""

from __future__ import annotations

import paddle
import paddle.nn.functional as F
from paddle import nn

from vsepp.config import Config
from vsepp.system.errors import InputError
from vsepp.text.equal import first_of_equal_captions

MEASURES = ("cosine", "order")


def similarity(
    image_codes: paddle.Tensor, text_codes: paddle.Tensor, measure: str = "cosine"
) -> paddle.Tensor:
    """Scores of every image with every text, ``[n_images, n_texts]``.

    ``cosine`` is the dot product of the codes as given; ``order`` the negative length of what
    of the text exceeds the image (order embeddings, Vendrov et al. 2016).
    """
    if measure == "cosine":
        return paddle.matmul(image_codes, text_codes, transpose_y=True)
    exceeding = F.relu(text_codes.unsqueeze(0) - image_codes.unsqueeze(1))
    squared = (exceeding * exceeding).sum(axis=2)
    # The root's slope at 0 is infinite; where nothing exceeds, the score is 0 and stays there.
    safe = paddle.where(squared > 0, squared, paddle.ones_like(squared))
    return paddle.where(squared > 0, -paddle.sqrt(safe), paddle.zeros_like(squared))


class TripletNetLoss(nn.Layer):
    """Hinges on how much closer a negative comes than the right answer, summed over the batch.

    Args:
        margin: by how much the right answer should win.
        hard_negative: only the hardest negative of the batch counts, in each direction
            (equation 6); otherwise all of them (equation 5).
        measure: ``cosine`` or ``order``.
    """

    def __init__(
        self, margin: float = 0.2, hard_negative: bool = False, measure: str = "cosine"
    ) -> None:
        super().__init__()
        if measure not in MEASURES:
            raise InputError(f"measure must be one of {', '.join(MEASURES)}, not {measure!r}.")
        self.margin = margin
        self.hard_negative = hard_negative
        self.measure = measure

    def forward(
        self,
        ie: paddle.Tensor,
        te: paddle.Tensor,
        image_ids: paddle.Tensor | None = None,
        caption_ids: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        """The loss of a batch of pairs.

        Args:
            ie: image codes, float ``[batch, embed_size]``.
            te: text codes, float ``[batch, embed_size]``; row ``k`` describes image ``k``.
            image_ids: optional int ``[batch]``; captions of the same image are then not
                negatives of each other.
            caption_ids: optional int ``[batch]``, equal where captions are word for word equal,
                see :func:`equal_rows`; these are then not negatives of each other.

        Returns:
            float scalar, summed over the batch and both directions.
        """
        scores = similarity(ie, te, self.measure)
        batch = scores.shape[0]
        right = paddle.diagonal(scores)
        same = _alike(image_ids, caption_ids)
        if same is None:
            negative = 1 - paddle.eye(batch, dtype=scores.dtype)
        else:
            negative = 1 - same.astype(scores.dtype)
        image_to_text = F.relu(self.margin + scores - right.unsqueeze(1)) * negative
        text_to_image = F.relu(self.margin + scores - right.unsqueeze(0)) * negative
        if self.hard_negative:
            image_to_text = _largest_of_rows(image_to_text)
            text_to_image = _largest_of_rows(text_to_image.transpose([1, 0]))
        return image_to_text.sum() + text_to_image.sum() + _nothing(ie, te)


class NPairLoss(nn.Layer):
    """Symmetric cross-entropy over the batch with a learnable temperature.

    Each image has to pick its text among all of the batch, and each text its image, as in
    N-pair losses (Sohn 2016) and CLIP (Radford et al. 2021, section 2.3).

    Args:
        logit_scale: parameter ``[1]``, the logarithm of the inverse temperature.
        measure: ``cosine`` or ``order``.
    """

    largest_scale = 100.0  # of the inverse temperature, as in CLIP

    def __init__(self, logit_scale: paddle.Tensor, measure: str = "cosine") -> None:
        super().__init__()
        self.logit_scale = logit_scale
        self.measure = measure

    def forward(
        self,
        ie: paddle.Tensor,
        te: paddle.Tensor,
        image_ids: paddle.Tensor | None = None,
        caption_ids: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        """Mean cross-entropy of both directions, a float scalar; arguments as
        :class:`TripletNetLoss` takes them."""
        scale = paddle.clip(paddle.exp(self.logit_scale), max=self.largest_scale)
        logits = similarity(ie, te, self.measure) * scale
        batch = logits.shape[0]
        out = _masked_out(logits, image_ids, caption_ids)
        if out is not None:
            logits = logits - out
        labels = paddle.arange(batch)
        return (
            F.cross_entropy(logits, labels) + F.cross_entropy(logits.transpose([1, 0]), labels)
        ) / 2 + _nothing(ie, te)


class BothLosses(nn.Layer):
    """Triplet and N-pair loss, each as a mean over the queries of a batch, weighted.

    The triplet loss by itself is a sum over both directions of a batch, the N-pair loss a mean;
    here the sum is divided by its 2 · batch queries, so that what the weights mean does not depend
    on the size of a batch. On the scores of a query the N-pair loss pulls up to 1 / temperature
    times as hard (20 to 100 in a trained model) as the triplet loss, whose slopes are 1.

    Args:
        triplet, npair: the losses.
        triplet_weight, npair_weight: their factors.
    """

    def __init__(
        self,
        triplet: TripletNetLoss,
        npair: NPairLoss,
        triplet_weight: float = 1.0,
        npair_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.triplet, self.npair = triplet, npair
        self.triplet_weight, self.npair_weight = triplet_weight, npair_weight

    def forward(
        self,
        ie: paddle.Tensor,
        te: paddle.Tensor,
        image_ids: paddle.Tensor | None = None,
        caption_ids: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        """The weighted sum, a float scalar; arguments as :class:`TripletNetLoss` takes them."""
        batch = (ie, te, image_ids, caption_ids)
        hinges = self.triplet(*batch) / (2 * ie.shape[0])
        return self.triplet_weight * hinges + self.npair_weight * self.npair(*batch)


class SoftTargetLoss(nn.Layer):
    """Cross-entropy with targets from how alike the captions, and the images, are themselves.

    The loss of a dual encoder after K. Salama's example for Keras (2021), with plain scores: the
    target of caption i over the images j is the softmax of (caption i · caption j + image i ·
    image j) / (2 · temperature), and for the other direction its transpose. Targets are taken as
    given: no gradient goes through them, so that the codes cannot make their own task easier.

    Args:
        temperature: of scores and targets.
        measure: ``cosine`` (the dot product) or ``order``.
    """

    def __init__(self, temperature: float = 0.05, measure: str = "cosine") -> None:
        super().__init__()
        self.temperature = temperature
        self.measure = measure

    def forward(
        self,
        ie: paddle.Tensor,
        te: paddle.Tensor,
        image_ids: paddle.Tensor | None = None,
        caption_ids: paddle.Tensor | None = None,
    ) -> paddle.Tensor:
        """Mean cross-entropy of both directions, a float scalar; arguments as
        :class:`TripletNetLoss` takes them. What is masked is neither target nor candidate."""
        logits = similarity(ie, te, self.measure).transpose([1, 0]) / self.temperature
        with paddle.no_grad():
            alike = similarity(te, te, self.measure) + similarity(ie, ie, self.measure)
            alike = alike / (2 * self.temperature)
        out = _masked_out(logits, image_ids, caption_ids)
        if out is not None:
            logits, alike = logits - out, alike - out
        targets = F.softmax(alike, axis=1).detach()
        of_captions = -(targets * F.log_softmax(logits, axis=1)).sum(axis=1)
        of_images = -(targets * F.log_softmax(logits, axis=0)).sum(axis=0)
        return (of_captions.mean() + of_images.mean()) / 2 + _nothing(ie, te)


def check_loss(config: Config) -> None:
    """InputError for a loss that is nothing."""
    if config.loss == "both" and not (config.triplet_weight or config.npair_weight):
        raise InputError(
            "triplet_weight and npair_weight are both 0, so there is nothing to learn from: give "
            "one of them another value, or set loss=triplet or loss=npair."
        )


def learns_temperature(config: Config) -> bool:
    """Whether an epoch of a run has the N-pair loss, whose temperature the model holds."""
    return config.loss in ("npair", "both") or (
        config.loss == "triplet" and config.hard_negative_warmup > 0 and _begins_with_npair(config)
    )


def build_loss(config: Config, model: nn.Layer, epoch: int | None = None) -> nn.Layer:
    """The loss that ``config`` asks for; ``model`` holds the temperature where one is learned.

    Args:
        epoch: of the run, from 0; None: once ``hard_negative_warmup`` is over.
    """
    warming_up = epoch is not None and epoch < config.hard_negative_warmup
    if config.loss == "soft":
        return SoftTargetLoss(measure=config.measure)
    if config.loss == "npair" or warming_up and _begins_with_npair(config):
        return NPairLoss(model.logit_scale, config.measure)
    hardest = config.hard_negative and not warming_up
    triplet = TripletNetLoss(config.margin, hardest, config.measure)
    if config.loss == "triplet":
        return triplet
    npair = NPairLoss(model.logit_scale, config.measure)
    return BothLosses(triplet, npair, config.triplet_weight, config.npair_weight)


def _begins_with_npair(config: Config) -> bool:
    """Whether the warm-up, where there is one, is of the N-pair loss."""
    return config.hard_negative and config.hard_negative_warmup_loss == "npair"


def equal_rows(rows: paddle.Tensor) -> paddle.Tensor:
    """Numbers that are equal where rows of a batch are: int64 ``[batch, …]`` → ``[batch]``."""
    return paddle.to_tensor(first_of_equal_captions(rows.numpy()))


def _alike(*ids: paddle.Tensor | None) -> paddle.Tensor | None:
    """Which pairs of a batch share one of these numbers, bool ``[batch, batch]``; None of none."""
    same = None
    for each in ids:
        if each is not None:
            row = each.reshape([-1])
            equal = row.unsqueeze(0) == row.unsqueeze(1)
            same = equal if same is None else paddle.logical_or(same, equal)
    return same


def _masked_out(logits: paddle.Tensor, *ids: paddle.Tensor | None) -> paddle.Tensor | None:
    """What to subtract from the logits of a softmax, ``[batch, batch]``, so that pairs that share
    a number are not in it, but for every query's own; None where there are no numbers."""
    same = _alike(*ids)
    if same is None:
        return None
    return 1e4 * (same.astype(logits.dtype) - paddle.eye(logits.shape[0], dtype=logits.dtype))


def _nothing(ie: paddle.Tensor, te: paddle.Tensor) -> paddle.Tensor:
    """0, or NaN when a code is NaN or infinite.

    On a CPU ``relu`` makes 0 of NaN, so the loss of a model that diverged would look perfect.
    """
    return 0 * (ie.sum() + te.sum())


def _largest_of_rows(values: paddle.Tensor) -> paddle.Tensor:
    """The largest value of each row ``[rows, 1]``; a tie's gradient goes to one of them.

    Paddle 2.6 gives the gradient of ``max`` to every tied element and 3.x shares it; picking
    the element by its index is the same on both.
    """
    return paddle.index_sample(values, values.argmax(axis=1, keepdim=True))
