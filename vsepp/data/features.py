"""Stored features of a frozen backbone: computed once, read as a memory-mapped array.

They live beside the data, in ``features/<backbone>-<fingerprint>-<resize>-<image_size>/``, and
with what else is unusual at the end, such as ``-bfloat16``: ``<split>.npy`` (float32
``[n_images, feature_size]``) and ``<split>.json`` (where it came from). An interrupted
computation goes on where it stopped, see ``vsepp.system.resumable``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict

import numpy as np

from vsepp.data.encoding import Encoding, names_a_path
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.locks import only_one, tidy
from vsepp.system.npy_files import read_npy
from vsepp.system.records import wrong_field
from vsepp.system.resumable import ResumableArray

GIVEN = "precomputed"  # in place of a backbone's name: the features came with the data set


def _recompute():
    """The mend, which names the command as it is called here."""
    return f"remove it and run `{command('features')}` again"


OF_IMAGES = ("images", "images_sha256")


@dataclass(frozen=True)
class FeatureOrigin:
    """What features depend on, besides the photographs.

    Attributes:
        backbone: its name, or ``GIVEN`` where nobody said which it was.
        feature_size: numbers per image.
        encoding: of given features, the fingerprint is theirs and the sizes are zero.
    """

    backbone: str
    feature_size: int
    encoding: Encoding

    def record(self) -> Dict[str, Any]:
        """What JSON keeps of it, in ``<split>.json``, ``prepared.json`` and checkpoints."""
        fingerprint, *others = self.encoding.record().items()
        return dict(
            [("backbone", self.backbone), fingerprint, ("feature_size", self.feature_size), *others]
        )

    @classmethod
    def from_record(cls, record: Dict[str, Any]) -> FeatureOrigin:
        """The origin that :meth:`record` kept; ValueError saying what is wrong with it."""
        wrong = wrong_field(record, {"backbone": str, "feature_size": int})
        if wrong:
            raise ValueError(f"its {wrong!r} is missing or malformed")
        rest = dict(record)
        backbone, size = rest.pop("backbone"), rest.pop("feature_size")
        if names_a_path(backbone) or size < 1:
            raise ValueError(f"its {'feature_size' if size < 1 else 'backbone'!r} is malformed")
        return cls(backbone, size, Encoding.from_record(rest))

    @property
    def folder_name(self) -> str:
        record = self.encoding.record()
        parts = [self.backbone, record.pop("fingerprint")[:12]]
        parts += [record.pop("resize"), record.pop("image_size")]
        for name, value in record.items():
            if value is True:
                parts.append(name)
            elif isinstance(value, str):
                parts.append(value)
            else:
                parts.append(f"{name}-{list_fingerprint([value])[:8]}")
        return "-".join(map(str, parts))

    @property
    def description(self) -> str:
        """What a model over these features sees."""
        if self.backbone == GIVEN:
            return "given features"
        precision = self.encoding.precision
        unusual = f" in {precision}" if precision != "float32" else ""
        return f"stored features of {self.backbone}{unusual}"


def first_not_finite(rows, at_once=4096):
    """The number of the first row of ``[n, size]`` with NaN or infinity in it, or None."""
    for start in range(0, len(rows), at_once):
        finite = np.isfinite(rows[start : start + at_once]).all(axis=1)
        if not finite.all():
            return start + int(np.argmin(finite))
    return None


class FeatureStore:
    """The features of one data set under one backbone.

    Args:
        data_folder: the data set's folder.
        origin: :class:`FeatureOrigin`.
    """

    def __init__(self, data_folder, origin):
        self.origin = origin
        self.folder = Path(data_folder) / "features" / origin.folder_name

    def _description(self, images):
        return {
            **self.origin.record(),
            "images": len(images),
            "images_sha256": list_fingerprint(list(images)),
        }

    def holds(self, split: str, images: list) -> bool:
        """Whether the features of ``images`` are stored; the numbers are not looked at.

        Raises:
            InputError: when what is stored is of another backbone or damaged.
        """
        path, about = self.folder / f"{split}.npy", self.folder / f"{split}.json"
        if not path.exists() or not about.exists():
            return False
        stored, origin = read_json(about, _recompute()), self.origin.record()
        if not isinstance(stored, dict):
            raise InputError(f"{about} does not describe features: {_recompute()}.")
        others = [key for key in stored if key not in origin and key not in OF_IMAGES]
        for key in [*origin, *others]:
            if stored.get(key) != origin.get(key):
                raise InputError(
                    f"{about}: these are features of {key} {stored.get(key)!r}, not "
                    f"{origin.get(key)!r}: {_recompute()}."
                )
        return stored == self._description(images)  # not so when prepared again with other images

    def read(self, split, images):
        """The stored features of ``images``, memory-mapped, or None when there are none.

        Raises:
            InputError: when what is stored is of another backbone or damaged.
        """
        if not self.holds(split, images):
            return None
        path = self.folder / f"{split}.npy"
        features = read_npy(path, _recompute())
        shape = (len(images), self.origin.feature_size)
        if features.shape != shape or features.dtype != np.float32:
            raise InputError(
                f"{path} holds {features.dtype} {features.shape}, not float32 "
                f"{shape}: {_recompute()}."
            )
        row = first_not_finite(features)
        if row is not None:
            raise InputError(
                f"{path}: the features of {images[row]} are NaN or infinity: {_recompute()}."
            )
        tidy(self._lock(split))
        return features

    def _lock(self, split):
        return self.folder / f"{split}.lock"

    def write(self, split, images, compute, advance):
        """Compute the features of ``images`` and store them; goes on where it stopped.

        Args:
            split: name of the split.
            images: list of paths as in the split file.
            compute: from the position of the first image still missing to an iterator over
                arrays ``[batch, feature_size]``, in order.
            advance: called with the number of images done, once for what was there and
                then after each batch.

        Raises:
            InputError: when another process is computing them.
        """
        shape = (len(images), self.origin.feature_size)
        array = ResumableArray(
            self.folder, split, self._description(images), len(images), shape, "<f4", _recompute()
        )
        with only_one(
            self._lock(split),
            "another process is computing the features "
            f"of {self.folder / split}.npy: wait for its end, then run this again.",
        ):
            array.write(
                lambda rows: rows * self.origin.feature_size,
                lambda first: (
                    (len(rows), rows) for rows in self._checked(compute(first), images[first:])
                ),
                advance,
            )

    def _checked(self, batches, images):
        """The same batches; InputError naming the image whose features are no numbers."""
        start = 0
        for rows in batches:
            row = first_not_finite(rows)
            if row is not None:
                raise InputError(
                    f"{images[start + row]}: its features under "
                    f"{self.origin.backbone} are NaN or infinity: replace the image, "
                    "or give other weights."
                )
            start += len(rows)
            yield rows
