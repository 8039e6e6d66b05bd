"""What a folder of a pretrained BERT or ERNIE holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsepp.models.bert import BertOptions
from vsepp.models.pretrained_text.configuration import read_options
from vsepp.models.pretrained_text.tokenizer import read_tokenizer
from vsepp.models.pretrained_text.weights import find_weights, read_weights
from vsepp.system.errors import InputError
from vsepp.text.subwords import SubwordReader

#: Tables are made a little larger than the words they are for, so that their size is round.
_ROUND, _SPARE = 8, 128


@dataclass(frozen=True)
class PretrainedText:
    """A pretrained text encoder whose weights are not read yet.

    Attributes:
        options: what its network is like.
        reader: what turns sentences into its tokens.
        weights: the file with its weights.
    """

    options: BertOptions
    reader: SubwordReader
    weights: Path

    def state(self) -> dict[str, np.ndarray]:
        """``{parameter: float32 array}`` of a ``vsepp.models.bert.Bert``.

        Raises:
            InputError: when they cannot be read, or are of another network.
        """
        return read_weights(self.weights, self.options)


def open_pretrained(path: str | Path) -> PretrainedText:
    """The text encoder in a folder, as Hugging Face or PaddleNLP keep it.

    No code of theirs is needed, and none from the folder is run.

    Args:
        path: a folder with ``config.json`` (or ``model_config.json``), the weights, and
            ``tokenizer.json`` or ``vocab.txt``.

    Raises:
        InputError: saying what is in the folder instead.
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        raise InputError(
            f"text_weights: {folder} is a file: give the folder that it is in, with the "
            "configuration and the tokenizer."
        )
    if not folder.is_dir():
        raise InputError(
            f"text_weights: there is no folder {folder}: give one with config.json, the weights "
            "and the tokenizer of a BERT, as Hugging Face or PaddleNLP keep it."
        )
    options = read_options(folder)
    weights = find_weights(folder)
    reader = read_tokenizer(folder, options.max_position_embeddings)
    _check_size(folder, reader.size, options.vocab_size)
    return PretrainedText(options, reader, weights)


def _check_size(folder: Path, tokens: int, rows: int) -> None:
    padded = rows % _ROUND == 0 and 0 < rows - tokens < _SPARE
    if tokens != rows and not padded:
        raise InputError(
            f"text_weights: the tokenizer in {folder} has {tokens} tokens, its configuration says "
            f"vocab_size {rows}: put the tokenizer there that the weights came with."
        )
