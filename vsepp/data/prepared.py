"""How a data set was prepared: what ``prepared.json`` says, read once."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from vsepp.config import KEYS
from vsepp.data.stored.features import FeatureOrigin
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.records import wrong_field
from vsepp.text.tokens import TOKENIZERS


def dataset_words(folder: Union[str, Path]) -> list[str]:
    """The words that name a data set's folder to a command: ``--dataset``, ``--data-dir``."""
    folder = Path(folder)
    words = ["--dataset", folder.name]
    if folder.parent != Path(KEYS["data_dir"].default):
        words += ["--data-dir", str(folder.parent)]
    return words


def prepare_again(folder: Union[str, Path]) -> str:
    """The mend for a data set whose files are damaged."""
    called = command("prepare", *dataset_words(folder), "--force")
    return f"run `{called}` with the other options of before"


def read_prepared(folder):
    """``prepared.json`` of a data set's folder: options, counts per split, words.

    A folder without it, prepared by another program, is taken to have the documented
    options.
    """
    path = Path(folder) / "prepared.json"
    options = {"captions_per_image": 5, "max_len": 30}
    if not path.exists():
        return {"options": options}
    prepared = read_json(path, prepare_again(folder))
    if prepared == {"unfinished": True}:
        raise InputError(f"the preparation of {folder} was interrupted: {prepare_again(folder)}.")
    found = prepared.get("options") if isinstance(prepared, dict) else None
    if wrong_field(found, dict.fromkeys(options, int)):
        raise InputError(f"{path} lacks 'options': {prepare_again(folder)}.")
    tokenizer = found.get("tokenizer", "words")
    if tokenizer not in tuple(TOKENIZERS):
        raise InputError(f"{path}: there is no tokenizer {tokenizer!r}: {prepare_again(folder)}.")
    if type(found.get("exif", False)) is not bool:
        raise InputError(
            f"{path}: exif is {found['exif']!r}, not true or false: {prepare_again(folder)}."
        )
    for key in options:
        rules = KEYS[key].metadata
        if not rules["minimum"] <= found[key] <= rules["maximum"]:
            raise InputError(
                f"{path}: {key} is {found[key]}, outside {rules['minimum']} to "
                f"{rules['maximum']}: {prepare_again(folder)}."
            )
    return prepared


class Prepared:
    """A data set's folder and how it was prepared.

    Args:
        folder: with ``vocab.json`` and ``{split}_data.json``.

    Attributes:
        options: what it was prepared with, by name.
        captions_per_image, max_len: the two that every reader needs.
        tokenizer: name of what cut its captions; ``words`` where ``prepared.json`` does not say,
            as before there was a choice.
        exif: whether its photographs are turned as their EXIF orientation says; not where
            ``prepared.json`` does not say, as before there was a choice.
        features: :class:`FeatureOrigin` of a data set that consists of features instead of
            photographs, or None.

    Raises:
        InputError: when ``prepared.json`` is malformed.
    """

    def __init__(self, folder: Union[str, Path]):
        self.folder = Path(folder)
        content = read_prepared(folder)
        self.options: dict = content["options"]
        self.captions_per_image: int = content["options"]["captions_per_image"]
        self.max_len: int = content["options"]["max_len"]
        self.tokenizer: str = content["options"].get("tokenizer", "words")
        self.exif: bool = content["options"].get("exif", False)
        self.features = self._origin(content.get("features"))

    def _origin(self, record) -> Optional[FeatureOrigin]:
        if record is None:
            return None
        try:
            return FeatureOrigin.from_record(record)
        except ValueError as error:
            raise InputError(
                f"{self.folder / 'prepared.json'} has malformed 'features' ({error}): run "
                f"`{command('prepare')} --precomp FOLDER --force` again."
            ) from None
