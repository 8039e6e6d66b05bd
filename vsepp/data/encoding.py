"""What a photograph's code or features depend on, besides the photograph: the one identity by
which stored features, a gallery and an index know what was encoded alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict

from vsepp.config import KEYS
from vsepp.data.preprocessing import Preprocessing
from vsepp.system.records import wrong_field

PRECISIONS = ("float32", "bfloat16")
# Keys that decide a model's codes; those of the first line are older than that files say so.
_EARLY_FLAGS = ("normalize_features", "normalize_images", "use_abs")
FLAGS = (*_EARLY_FLAGS, "test_flip")

INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")

_USUAL = Preprocessing()
_ALWAYS = {"fingerprint": str, "resize": int, "image_size": int}
_LATER = {
    "exif": bool,
    "precision": str,
    "interpolation": str,
    "mean": list,
    "std": list,
    "square": bool,
    "floor_crop": bool,
    "flags": dict,
}


@dataclass(frozen=True)
class Encoding:
    """Codes (or features) of photographs can be compared when their encodings are equal.

    Attributes:
        fingerprint: of the weights, see ``vsepp.system.fingerprints``.
        preprocessing: what is done to a photograph first.
        exif: whether it is turned as its EXIF orientation says.
        precision: in which the backbone computes, one of ``PRECISIONS``: the one in fact used,
            which depends on the machine.
        flags: ``(key, value)`` of those ``FLAGS`` that do not have their default, in order.
    """

    fingerprint: str
    preprocessing: Preprocessing
    exif: bool = False
    precision: str = "float32"
    flags: tuple = ()

    @classmethod
    def of_model(cls, model: Any, exif: bool) -> Encoding:
        """How a ``RetrievalModel`` encodes photographs on this machine."""
        flags = tuple(
            (name, getattr(model.config, name))
            for name in FLAGS
            if getattr(model.config, name) != KEYS[name].default
        )
        return cls(model.fingerprint, model.preprocessing, exif, model.precision, flags)

    def record(self, exif: bool = False) -> Dict[str, Any]:
        """What a file keeps of it: :meth:`from_record` reads it.

        Files did not always have every field. One that has the value that its absence stands for
        is left out: so the same encoding reads and hashes the same, whenever it was written.

        Args:
            exif: what the absence of ``exif`` stands for in this kind of file.
        """
        values, usual = self._all(), Encoding(self.fingerprint, _USUAL, exif)._all()
        return {key: values[key] for key in values if key in _ALWAYS or values[key] != usual[key]}

    def _all(self) -> Dict[str, Any]:
        steps = self.preprocessing
        return {
            "fingerprint": self.fingerprint,
            "resize": steps.resize,
            "image_size": steps.image_size,
            "exif": self.exif,
            "precision": self.precision,
            "interpolation": steps.interpolation,
            "mean": list(steps.mean),
            "std": list(steps.std),
            "square": steps.square,
            "floor_crop": steps.floor_crop,
            "flags": dict(self.flags),
        }

    @classmethod
    def from_record(cls, record: Dict[str, Any], exif: bool = False) -> Encoding:
        """The encoding that a file keeps.

        Args:
            record: what :meth:`record` returned.
            exif: what the absence of ``exif`` stands for in this kind of file.

        Raises:
            ValueError: saying which field is missing, malformed or unknown.
        """
        if not isinstance(record, dict):
            raise ValueError("it is no object")
        types = {**_ALWAYS, **{key: kind for key, kind in _LATER.items() if key in record}}
        wrong = wrong_field(record, types) or next(iter(record.keys() - types.keys()), None)
        if wrong:
            raise ValueError(f"its {wrong!r} is missing, malformed or unknown")
        values = {**cls("", _USUAL, exif)._all(), **record}
        if names_a_path(values["fingerprint"]):
            raise ValueError("its 'fingerprint' is malformed")
        if values["precision"] not in PRECISIONS:
            raise ValueError(f"its precision {values['precision']!r} is unknown")
        if values["interpolation"] not in INTERPOLATIONS:
            raise ValueError(f"its interpolation {values['interpolation']!r} is unknown")
        if values["resize"] < 0 or values["image_size"] < 0:
            raise ValueError("its 'resize' or 'image_size' is negative")
        for key in ("mean", "std"):
            three = len(values[key]) == 3 and all(
                type(part) in (int, float) for part in values[key]
            )
            if not three or not all(abs(part) < 1e30 for part in values[key]):
                raise ValueError(f"its {key!r} is not three numbers")
        if min(values["std"]) <= 0:
            raise ValueError("its 'std' is not positive")
        unknown = set(values["flags"]) - set(FLAGS)
        if unknown:
            raise ValueError(f"its flag {min(unknown)!r} is unknown")
        if not all(type(value) is bool for value in values["flags"].values()):
            raise ValueError("its 'flags' are not true or false")
        steps = Preprocessing(
            values["resize"],
            values["image_size"],
            values["interpolation"],
            tuple(values["mean"]),
            tuple(values["std"]),
            values["square"],
            values["floor_crop"],
        )
        flags = tuple(values["flags"].items())
        return cls(values["fingerprint"], steps, values["exif"], values["precision"], flags)

    def without_flags(self) -> Encoding:
        """The same as files say it that are older than flags: what says none may have any that
        there were then."""
        return replace(
            self, flags=tuple(flag for flag in self.flags if flag[0] not in _EARLY_FLAGS)
        )


def names_a_path(text: str) -> bool:
    """Whether text of a file, as part of a folder's name, could lead out of where it belongs."""
    return any(letter in text for letter in "/\\\0")
