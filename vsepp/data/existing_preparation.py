"""What was prepared in a folder before, and whether it may stay."""

from pathlib import Path

from vsepp.data.orientation import shown
from vsepp.data.preparation import PREPARED
from vsepp.data.prepared import Prepared
from vsepp.data.splits import split_file
from vsepp.data.stored.features import FeatureStore
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.text.tokens import AUTO


class ExistingPreparation:
    """A prepared data set as ``prepared.json`` describes it.

    Attributes:
        left_out: how many images could not be used.
        tokenizer: name of the one that is recorded, or None: then it was ``words``.
        exif: whether photographs are turned as EXIF says; not where nothing is recorded.
    """

    def __init__(self, folder, prepared):
        self.folder = Path(folder)
        self._options = prepared["options"]
        self._splits = {name: split["images"] for name, split in prepared["splits"].items()}
        self.tokenizer = self._options.get("tokenizer")
        self.exif = self._options.get("exif", False)
        self._features = prepared.get("features")
        self.left_out = sum(split["left_out"] for split in prepared["splits"].values())

    @classmethod
    def read(cls, folder):
        """The preparation in a data set's folder, or None when none is there or it is damaged."""
        try:
            prepared = read_json(Path(folder) / PREPARED, "prepare the data set")
            if isinstance(prepared["options"], dict):
                return cls(folder, prepared)
        except (InputError, KeyError, TypeError, AttributeError):
            pass
        return None

    def stays_with_words(self, tokenizer):
        """Whether it was made before there was a choice, and no other tokenizer is wanted now."""
        return self.tokenizer is None and tokenizer in (AUTO, "words")

    def refuse_other(self, options, captions_sha256, origin=None):
        """InputError when other options, captions or features are wanted now.

        Args:
            options: ``{name: value}``.
            captions_sha256: checksum of the captions' file or files.
            origin: ``FeatureOrigin`` of features that come in place of photographs.
        """
        prepared = {"tokenizer": "words", "exif": False, "new_words": False, **self._options}
        changes = [
            f"{key} {_shown(prepared.get(key))} instead of {_shown(value)}"
            for key, value in options.items()
            if key != "vocabulary_sha256" and prepared.get(key) != value
        ]
        if self._options.get("vocabulary_sha256") != options.get("vocabulary_sha256"):
            changes.append("another vocabulary")
        if self._options.get("captions_sha256") != captions_sha256:
            changes.append("other captions")
        if self._features != (origin.record() if origin else None):
            changes.append("other features")
        if changes:
            raise InputError(
                f"{self.folder} is prepared with {', '.join(changes)}, and a new vocabulary "
                "orphans the checkpoints trained on it: add --force to prepare it anew, or take "
                "another name with --dataset."
            )

    def is_whole(self):
        """Whether all files that the preparation wrote are there."""
        files = ["vocab.json"] + [split_file(self.folder, name).name for name in self._splits]
        if not all((self.folder / name).is_file() for name in files):
            return False
        origin = Prepared(self.folder).features
        if origin is None:
            return True
        store = FeatureStore(self.folder, origin)
        return all(
            store.read(name, read_json(split_file(self.folder, name), "add --force")["IMAGES"])
            is not None
            for name, images in self._splits.items()
            if images
        )


def _shown(value):
    """A value as the command's options take it."""
    return shown(value) if isinstance(value, bool) else value
