"""What a batch of captions must be before a network reads it."""

from __future__ import annotations

import numpy as np
import paddle

from vsepp.system.errors import InputError


def longest_of(
    captions: paddle.Tensor, cap_lens: paddle.Tensor, words: int, most: int | None = None
) -> int:
    """The length of a batch's longest caption, after a look at lengths and indices.

    ``nn.GRU`` given a length beyond the padding corrupts memory. Paddle's embedding reads outside
    its memory at −1, and on a GPU beyond its end.

    Args:
        captions: tensor ``[batch, time]``.
        cap_lens: tensor ``[batch]`` or ``[batch, 1]``.
        words: rows of the embedding.
        most: the longest caption that the network takes; None: of any length.

    Raises:
        InputError: for a length outside ``1 … time`` or beyond ``most``, an index outside the
            embedding, or tensors of other shapes or types.
    """
    rows, lengths = captions.numpy(), cap_lens.numpy().reshape(-1)
    if rows.ndim != 2 or not len(rows) or rows.dtype.kind != "i":
        raise InputError(
            f"captions must be int64 [batch, time] with at least one row, not {rows.dtype} "
            f"{list(rows.shape)}."
        )
    if lengths.dtype.kind != "i" or lengths.size != len(rows):
        raise InputError(
            f"cap_lens must be int64 [{len(rows)}], a length for each of captions, not "
            f"{lengths.dtype} {list(lengths.shape)}."
        )
    shortest, longest, columns = int(lengths.min()), int(lengths.max()), rows.shape[1]
    if shortest < 1 or longest > columns:
        raise InputError(
            f"cap_lens: a caption's length is {shortest if shortest < 1 else longest}, outside 1 "
            f"to the {columns} columns of captions: give the true lengths."
        )
    read: np.ndarray = rows[:, :longest]
    if read.min() < 0 or read.max() >= words:
        wrong = read.min() if read.min() < 0 else read.max()
        raise InputError(
            f"captions: the index {wrong} is outside the vocabulary's 0 to {words - 1}: make "
            "captions with the vocabulary of the model, and pad them with 0."
        )
    if most is not None and longest > most:
        raise InputError(
            f"cap_lens: a caption's length is {longest}, and the text encoder takes {most} "
            "tokens: cut it, as `tokenize` does."
        )
    return longest
