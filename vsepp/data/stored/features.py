"""Stored features of a frozen backbone: computed once, read as a memory-mapped array.

They live beside the data, in ``features/<backbone>-<fingerprint>-<resize>-<image_size>/``, and
with what else is unusual at the end, such as ``-bfloat16``: ``<split>.npy`` (float32
``[n_images, feature_size]``; of a grid, whose folder ends in ``-grid<cells a side>``, float16
``[n_images, cells, feature_size]``) and ``<split>.json`` (where it came from). Further views of
the photographs, see ``vsepp.data.stored.views``, are ``<split>.view<number>.npy``. An interrupted
computation goes on where it stopped, see ``vsepp.system.resumable``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import numpy as np

from vsepp.data.encoding import Encoding, names_a_path
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.locks import only_one, tidy
from vsepp.system.npy_files import let_go, read_npy
from vsepp.system.progress import progress
from vsepp.system.records import wrong_field
from vsepp.system.resumable import ResumableArray

GIVEN = "precomputed"  # in place of a backbone's name: the features came with the data set


def _recompute():
    """The mend, which names the command as it is called here."""
    return f"remove it and run `{command('features')}` again"


OF_IMAGES = ("images", "images_sha256", "view")
_CHECKED_AT_ONCE = 1 << 26  # bytes
_TAKES_A_WHILE = 1 << 30  # bytes to check


def view_name(split: str, view: int = 0) -> str:
    """What the files of a view are called; 0 is the photograph as it is."""
    return f"{split}.view{view}" if view else split


@dataclass(frozen=True)
class FeatureOrigin:
    """What features depend on, besides the photographs.

    Attributes:
        backbone: its name, or ``GIVEN`` where nobody said which it was.
        feature_size: numbers per image, or per cell of a grid.
        encoding: of given features, the fingerprint is theirs and the sizes are zero.
        grid: cells a side, where an image has a vector for each cell; None where it has one.
    """

    backbone: str
    feature_size: int
    encoding: Encoding
    grid: Optional[int] = None

    @property
    def shape(self) -> Tuple[int, ...]:
        """Of the features of an image."""
        return (self.grid**2, self.feature_size) if self.grid else (self.feature_size,)

    @property
    def dtype(self) -> np.dtype:
        """What the features are stored as: a grid takes half the room."""
        return np.dtype("<f2" if self.grid else "<f4")

    @property
    def bytes_per_image(self) -> int:
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def record(self) -> Dict[str, Any]:
        """What JSON keeps of it, in ``<split>.json``, ``prepared.json`` and checkpoints."""
        fingerprint, *others = self.encoding.record().items()
        grid = [("grid", self.grid)] if self.grid else []
        size = ("feature_size", self.feature_size)
        return dict([("backbone", self.backbone), fingerprint, size, *others, *grid])

    @classmethod
    def from_record(cls, record: Dict[str, Any]) -> FeatureOrigin:
        """The origin that :meth:`record` kept; ValueError saying what is wrong with it."""
        types = {"backbone": str, "feature_size": int}
        has_grid = isinstance(record, dict) and "grid" in record
        wrong = wrong_field(record, {**types, "grid": int} if has_grid else types)
        if wrong:
            raise ValueError(f"its {wrong!r} is missing or malformed")
        rest = dict(record)
        backbone, size, grid = rest.pop("backbone"), rest.pop("feature_size"), rest.pop("grid", 1)
        if names_a_path(backbone) or size < 1 or grid < 1:
            wrong = "feature_size" if size < 1 else "grid" if grid < 1 else "backbone"
            raise ValueError(f"its {wrong!r} is malformed")
        return cls(backbone, size, Encoding.from_record(rest), record.get("grid"))

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
        if self.grid:
            parts.append(f"grid{self.grid}")
        return "-".join(map(str, parts))

    @property
    def description(self) -> str:
        """What a model over these features sees."""
        if self.backbone == GIVEN:
            return "given features"
        precision = self.encoding.precision
        unusual = f" in {precision}" if precision != "float32" else ""
        kind = f"grids of {self.grid} × {self.grid} cells" if self.grid else "features"
        return f"stored {kind} of {self.backbone}{unusual}"


def first_not_finite(rows):
    """The number of the first row of ``[n, ...]`` with NaN or infinity in it, or None.

    A memory-mapped array is let go piece by piece: what was looked at does not stay in memory.
    """
    at_once = max(1, _CHECKED_AT_ONCE * len(rows) // max(rows.nbytes, 1))
    with progress(
        description="checking stored features",
        total=len(rows),
        unit="image",
        leave=False,
        disable=rows.nbytes < _TAKES_A_WHILE,
    ) as bar:
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            if not _all_finite(part):
                finite = np.isfinite(part.reshape(len(part), -1)).all(axis=1)
                return start + int(np.argmin(finite))
            let_go(rows)
            bar.update(len(part))
    return None


def _all_finite(rows):
    """Whether no number is NaN or infinity."""
    if rows.dtype != np.float16 or not rows.flags.c_contiguous:
        return np.isfinite(rows).all()
    bits = rows.view(np.uint16)  # which takes a fifth of the time
    return not rows.size or (bits & np.uint16(0x7FFF)).max() < 0x7C00


class FeatureStore:
    """The features of one data set under one backbone.

    Args:
        data_folder: the data set's folder.
        origin: :class:`FeatureOrigin`.
    """

    def __init__(self, data_folder, origin):
        self.origin = origin
        self.folder = Path(data_folder) / "features" / origin.folder_name

    def _description(self, images, view):
        return {
            **self.origin.record(),
            "images": len(images),
            "images_sha256": list_fingerprint(list(images)),
            **({"view": view} if view else {}),
        }

    def holds(self, split: str, images: list, view: int = 0) -> bool:
        """Whether the features of ``images`` are stored; the numbers are not looked at.

        Raises:
            InputError: when what is stored is of another backbone or damaged.
        """
        name = view_name(split, view)
        path, about = self.folder / f"{name}.npy", self.folder / f"{name}.json"
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
        # not so when prepared again with other images
        return stored == self._description(images, view)

    def missing_bytes(self, split: str, images: list, view: int = 0) -> int:
        """How much is still to be written of the features of ``images``.

        Raises:
            InputError: as :meth:`holds`.
        """
        if self.holds(split, images, view):
            return 0
        done = self._array(split, images, view).done()
        return (len(images) - done) * self.origin.bytes_per_image

    def read(self, split, images, view=0):
        """The stored features of ``images``, memory-mapped, or None when there are none.

        Raises:
            InputError: when what is stored is of another backbone or damaged.
        """
        if not self.holds(split, images, view):
            return None
        path = self.folder / f"{view_name(split, view)}.npy"
        features = read_npy(path, _recompute())
        shape = (len(images), *self.origin.shape)
        if features.shape != shape or features.dtype != self.origin.dtype:
            raise InputError(
                f"{path} holds {features.dtype} {features.shape}, not {self.origin.dtype} "
                f"{shape}: {_recompute()}."
            )
        row = first_not_finite(features)
        if row is not None:
            raise InputError(
                f"{path}: the features of {images[row]} are NaN or infinity: {_recompute()}."
            )
        tidy(self._lock(split, view))
        return features

    def _lock(self, split, view):
        return self.folder / f"{view_name(split, view)}.lock"

    def _array(self, split, images, view):
        """The file of these features, whose pieces are the images."""
        return ResumableArray(
            self.folder,
            view_name(split, view),
            self._description(images, view),
            len(images),
            (len(images), *self.origin.shape),
            self.origin.dtype,
            _recompute(),
        )

    def write(self, split, images, compute, advance, view=0):
        """Compute the features of ``images`` and store them; goes on where it stopped.

        Args:
            split: name of the split.
            images: list of paths as in the split file.
            compute: from the position of the first image still missing to an iterator over
                arrays ``[batch, feature_size]``, of a grid ``[batch, cells, feature_size]``, in
                order.
            advance: called with the number of images done, once for what was there and
                then after each batch.
            view: of the photographs that they are features of.

        Raises:
            InputError: when another process is computing them, or when they are no numbers.
        """
        array = self._array(split, images, view)
        with only_one(
            self._lock(split, view),
            "another process is computing the features "
            f"of {array.path}: wait for its end, then run this again.",
        ):
            array.write(
                lambda rows: rows * int(np.prod(self.origin.shape)),
                lambda first: (
                    (len(rows), rows) for rows in self._checked(compute(first), images[first:])
                ),
                advance,
            )

    def _checked(self, batches, images):
        """The same batches as they are stored; InputError naming the image whose features are
        no numbers, or none that are stored so."""
        start = 0
        for batch in batches:
            with np.errstate(over="ignore"):
                rows = np.asarray(batch, self.origin.dtype)
            row = first_not_finite(rows)
            if row is not None:
                image = f"{images[start + row]}: its features under {self.origin.backbone}"
                if np.isfinite(batch[row]).all():
                    raise InputError(
                        f"{image} go beyond {np.finfo(rows.dtype).max:g}, the largest number that "
                        "a stored grid holds: set image_features=global, or give other weights."
                    )
                raise InputError(
                    f"{image} are NaN or infinity: replace the image, or give other weights."
                )
            start += len(rows)
            yield rows
