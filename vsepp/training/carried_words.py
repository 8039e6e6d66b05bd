"""A run that begins with the weights of a checkpoint of another vocabulary."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vsepp.models.word_rows import CarriedWords, carry_rows
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary


def carry_words(
    of_words: Mapping[str, int],
    ours: Vocabulary | None,
    fresh: Mapping[str, np.ndarray],
    checkpoint: dict,
    path: str,
) -> tuple[dict[str, np.ndarray], str]:
    """The weights of a checkpoint with the rows of the words that this run knows.

    A word that the checkpoint knows keeps its row, whatever its index is now; one that it does not
    know begins as in a run from scratch.

    Args:
        of_words: ``{parameter: axis}`` of those that have a row for each word; empty where the
            run's model reads sentences otherwise.
        ours: the run's words.
        fresh: ``{parameter: ndarray}`` of its model as it begins.
        checkpoint: what ``load_checkpoint`` returns.
        path: of its file.

    Returns:
        (``{parameter: ndarray}``, how many words were kept, are new, were dropped, as a line)

    Raises:
        InputError: when either model has no rows for words.
    """
    if not of_words or ours is None or "vocab" not in checkpoint:
        raise InputError(
            f"init_from: {path} and this run read sentences in different ways, so that no words "
            "can be carried over: set text_model to that of the checkpoint."
        )
    state = dict(checkpoint["model"])
    theirs = Vocabulary(checkpoint["vocab"], path)
    for name, axis in of_words.items():
        rows, wanted = state.get(name), list(fresh[name].shape)
        wanted[axis] = len(theirs)
        # Rows of another size are refused with the other weights.
        if rows is not None and list(rows.shape) == wanted:
            state[name] = carry_rows(rows, fresh[name], theirs, ours, axis)
    words = CarriedWords.between(theirs, ours)
    return state, (
        f"init_from: of the {words.kept + words.new:,} words, {words.kept:,} keep their embedding "
        f"of {path} and {words.new:,} are new and start afresh; {words.dropped:,} of its words "
        "are dropped"
    )
