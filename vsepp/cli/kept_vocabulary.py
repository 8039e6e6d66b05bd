"""``--vocab`` of ``vsepp prepare``: another's vocabulary, kept with its numbers."""

from __future__ import annotations

from pathlib import Path

from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO


def add_arguments(parser):
    """``--vocab`` and ``--new-words``."""
    parser.add_argument(
        "--vocab",
        metavar="CHECKPOINT|vocab.json",
        help="keep this vocabulary, and its way to cut captions, so that the model goes on with "
        "these data; unknown words become <unk>",
    )
    parser.add_argument(
        "--new-words",
        action="store_true",
        help="with --vocab: append the words that occur more than --min-word-count times",
    )


def kept_vocabulary(arguments):
    """What ``--vocab`` names, as ``create_dataset`` takes it; None without it.

    ``arguments.tokenizer``, where it is ``auto``, becomes the one that the vocabulary's captions
    were cut by, where that is recorded.

    Raises:
        InputError: when there is no vocabulary in it, or ``--tokenizer`` is another than its own.
    """
    if arguments.vocab is None:
        if arguments.new_words:
            raise InputError("--new-words are appended to --vocab: give it too, or leave both.")
        return None
    from vsepp.data.words import KeptVocabulary

    path = Path(arguments.vocab)
    if path.is_dir():
        path /= "vocab.json"
    if not path.is_file():
        raise InputError(f"--vocab: {path} does not exist: give a checkpoint or a vocab.json.")
    words, tokenizer = (_of_file if path.suffix == ".json" else _of_checkpoint)(path)
    if tokenizer is not None and arguments.tokenizer not in (AUTO, tokenizer):
        raise InputError(
            f"--tokenizer {arguments.tokenizer}: the captions of {path} were cut by {tokenizer}, "
            "and its words would not be found: leave out --tokenizer, or --vocab."
        )
    arguments.tokenizer = tokenizer or arguments.tokenizer
    return KeptVocabulary(words, arguments.new_words, str(path))


def _of_file(path):
    """The words of a ``vocab.json``, and the tokenizer of the data set that it stands in."""
    from vsepp.data.prepared import Prepared
    from vsepp.text.vocabulary import Vocabulary

    words = Vocabulary.load(path)
    beside = (path.parent / "prepared.json").is_file()
    return words, Prepared(path.parent).tokenizer if beside else None


def _of_checkpoint(path):
    from vsepp.checkpoint import read_header
    from vsepp.text.reader import WordReader

    header = read_header(path)
    if "vocab" not in header:
        raise InputError(
            f"--vocab: {path} has no list of words, its text encoder reads sentences by itself: "
            "leave out --vocab."
        )
    reader = WordReader.from_contents(header, str(path))
    return reader.vocabulary, reader.tokenizer
