"""Stored features of a frozen backbone: computed once, read as a memory-mapped array.

They live beside the data, in ``features/<backbone>-<fingerprint>-<resize>-<image_size>/``:
``<split>.npy`` (float32 ``[n_images, feature_size]``) and ``<split>.json`` (where it came
from). An interrupted computation goes on where it stopped, see ``vsepp.system.resumable``.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from vsepp.data.dataset import read_prepared
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.json_files import read_json
from vsepp.system.locks import only_one, tidy
from vsepp.system.npy_files import read_npy
from vsepp.system.resumable import ResumableArray

GIVEN = "precomputed"  # in place of a backbone's name: the features came with the data set
_RECOMPUTE = "remove it and run `python tools/features.py` again"


@dataclass(frozen=True)
class FeatureOrigin:
    """What features depend on, besides the photographs.

    Attributes:
        backbone: its name, or ``GIVEN`` where nobody said which it was.
        fingerprint: of its weights, see ``vsepp.system.fingerprints``; of given features, theirs.
        feature_size: numbers per image.
        resize, image_size: the preprocessing; zero for given features.
    """

    backbone: str
    fingerprint: str
    feature_size: int
    resize: int
    image_size: int

    @property
    def folder_name(self):
        return f"{self.backbone}-{self.fingerprint[:12]}-{self.resize}-{self.image_size}"

    @property
    def description(self):
        """What a model over these features sees."""
        return "given features" if self.backbone == GIVEN else f"stored features of {self.backbone}"


def given_origin(data_folder):
    """The :class:`FeatureOrigin` of a data set that consists of features instead of photographs.

    None for one with photographs; InputError when ``prepared.json`` is malformed.
    """
    about = read_prepared(data_folder).get("features")
    if about is None:
        return None
    types = {field.name: field.type for field in fields(FeatureOrigin)}
    if not isinstance(about, dict) or {name: type(value) for name, value in about.items()} != types:
        raise InputError(
            f"{Path(data_folder) / 'prepared.json'} has malformed 'features': run "
            "`python tools/prepare.py --precomp FOLDER --force` again."
        )
    return FeatureOrigin(**about)


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
            **asdict(self.origin),
            "images": len(images),
            "images_sha256": list_fingerprint(list(images)),
        }

    def read(self, split, images):
        """The stored features of ``images``, memory-mapped, or None when there are none.

        Raises:
            InputError: when what is stored is of another backbone or damaged.
        """
        path, about = self.folder / f"{split}.npy", self.folder / f"{split}.json"
        if not path.exists() or not about.exists():
            return None
        stored = read_json(about, _RECOMPUTE)
        expected = self._description(images)
        for key, value in asdict(self.origin).items():
            if not isinstance(stored, dict) or stored.get(key) != value:
                found = stored.get(key) if isinstance(stored, dict) else None
                raise InputError(
                    f"{about}: these are features of {key} {found!r}, not {value!r}: {_RECOMPUTE}."
                )
        if stored != expected:  # prepared again with other images
            return None
        features = read_npy(path, _RECOMPUTE)
        shape = (len(images), self.origin.feature_size)
        if features.shape != shape or features.dtype != np.float32:
            raise InputError(
                f"{path} holds {features.dtype} {features.shape}, not float32 "
                f"{shape}: {_RECOMPUTE}."
            )
        row = first_not_finite(features)
        if row is not None:
            raise InputError(
                f"{path}: the features of {images[row]} are NaN or infinity: {_RECOMPUTE}."
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
            self.folder, split, self._description(images), len(images), shape, "<f4", _RECOMPUTE
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
