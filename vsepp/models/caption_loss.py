"""What a captioner is trained by: cross-entropy of words, and a penalty on cells passed over."""

from __future__ import annotations

import numpy as np
import paddle

from vsepp.models.twins.word_loss import WordLoss


def caption_loss(
    logits: paddle.Tensor,
    targets: paddle.Tensor,
    attention: paddle.Tensor | None = None,
    lengths: paddle.Tensor | None = None,
    label_smoothing: float = 0.0,
    doubly_stochastic: float = 0.0,
    whole_lengths: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """The mean over the words of a batch, and the mean penalty of its captions.

    Args:
        logits: float32 ``[words, vocab_size]``; see ``caption_decoders.word_decoder``.
        targets: int64 ``[words]``.
        attention: float32 ``[words, cells]``, for the penalty.
        lengths: int64 ``[n]`` of the captions, as the decoder took them, for the penalty.
        label_smoothing: share of a word's probability that is spread over the vocabulary.
        doubly_stochastic: weight of the penalty: of a caption, the sum over cells of
            (1 − Σ over its words of the attention)² (Xu et al. 2015, equation 14).
        whole_lengths: int64 of all captions of a batch of which these are a part: the means are
            over its words and captions, so that the losses of its parts add up to its own.

    Returns:
        float32 scalar.
    """
    loss = cross_entropy(logits, targets, label_smoothing)
    if whole_lengths is not None:
        loss = loss * (len(targets) / int((whole_lengths - 1).sum()))
    if doubly_stochastic:
        assert attention is not None and lengths is not None  # nosec B101
        penalty = doubly_stochastic * cells_passed_over(attention, lengths)
        if whole_lengths is not None:
            penalty = penalty * (len(lengths) / len(whole_lengths))
        loss = loss + penalty
    return loss


def cross_entropy(
    logits: paddle.Tensor, targets: paddle.Tensor, label_smoothing: float = 0.0
) -> paddle.Tensor:
    """The mean over words; see :func:`caption_loss`. By the way that is fastest where they lie."""
    if paddle.in_dynamic_mode() and logits.place.is_cpu_place():
        return WordLoss.apply(logits, targets.numpy(), label_smoothing)
    return plain_cross_entropy(logits, targets, label_smoothing)


def plain_cross_entropy(
    logits: paddle.Tensor, targets: paddle.Tensor, label_smoothing: float = 0.0
) -> paddle.Tensor:
    """What :func:`cross_entropy` gives, with tensors alone."""
    # not log_softmax, which Paddle cuts off at −64 on a CPU
    picked = paddle.take_along_axis(logits, targets.unsqueeze(1), 1).squeeze(1)
    wanted = (1 - label_smoothing) * picked
    if label_smoothing:
        wanted = wanted + label_smoothing * logits.mean(axis=1)
    return (paddle.logsumexp(logits, axis=1) - wanted).mean()


def rewarded_loss(
    logits: paddle.Tensor, targets: paddle.Tensor, advantages: paddle.Tensor
) -> paddle.Tensor:
    """− the mean over words of the log-probability times the advantage of the word's sentence.

    Args:
        logits, targets: see :func:`caption_loss`.
        advantages: float32 ``[words]``.
    """
    picked = paddle.take_along_axis(logits, targets.unsqueeze(1), 1).squeeze(1)
    return ((paddle.logsumexp(logits, axis=1) - picked) * advantages).mean()


def cells_passed_over(attention: paddle.Tensor, lengths: paddle.Tensor) -> paddle.Tensor:
    """The mean over captions of Σ (1 − Σ attention)²; see :func:`caption_loss`.

    A cell that ``cell_dropout`` leaves out adds 1, which no weight can change.
    """
    counts = lengths.numpy().reshape(-1) - 1
    captions = paddle.to_tensor(np.repeat(np.arange(len(counts)), counts))
    looked = paddle.geometric.segment_sum(attention, captions)  # [n, cells]
    return ((1 - looked) ** 2).sum(axis=1).mean()
