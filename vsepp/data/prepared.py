"""A prepared data set: ``prepared.json``, read once, and the splits that go with it."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union

from vsepp.data.dataset import CaptionDataset, read_prepared
from vsepp.data.features import FeatureOrigin
from vsepp.system.errors import InputError


class Prepared:
    """A data set's folder and how it was prepared.

    Args:
        folder: with ``vocab.json`` and ``{split}_data.json``.

    Attributes:
        captions_per_image, max_len: what it was prepared with.
        tokenizer: name of what cut its captions; ``words`` where ``prepared.json`` does not say,
            as before there was a choice.
        features: :class:`FeatureOrigin` of a data set that consists of features instead of
            photographs, or None.

    Raises:
        InputError: when ``prepared.json`` is malformed.
    """

    def __init__(self, folder: Union[str, Path]):
        self.folder = Path(folder)
        content = read_prepared(folder)
        self.captions_per_image: int = content["options"]["captions_per_image"]
        self.max_len: int = content["options"]["max_len"]
        self.tokenizer: str = content["options"].get("tokenizer", "words")
        self.features = self._origin(content.get("features"))

    def _origin(self, record) -> Optional[FeatureOrigin]:
        if record is None:
            return None
        try:
            return FeatureOrigin.from_record(record)
        except ValueError as error:
            raise InputError(
                f"{self.folder / 'prepared.json'} has malformed 'features' ({error}): run "
                "`python tools/prepare.py --precomp FOLDER --force` again."
            ) from None

    def open(self, split: str) -> CaptionDataset:
        """A split, with the options that it was prepared with."""
        return CaptionDataset(
            self.folder, self.folder / "vocab.json", split, self.captions_per_image, self.max_len
        )
