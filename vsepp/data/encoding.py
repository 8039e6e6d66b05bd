"""What a photograph's code or features depend on, besides the photograph: the one identity by
which stored features, a gallery and an index know what was encoded alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict

from vsepp.config import KEYS
from vsepp.data.preprocessing import Preprocessing
from vsepp.system.records import wrong_field

PRECISIONS = ("float32", "bfloat16")
FLAGS = ("normalize_features", "normalize_images", "use_abs")  # keys that decide a model's codes

_USUAL = Preprocessing()
_ALWAYS = {"fingerprint": str, "resize": int, "image_size": int}
_LATER = {
    "exif": bool,
    "precision": str,
    "interpolation": str,
    "mean": list,
    "std": list,
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
        if values["precision"] not in PRECISIONS:
            raise ValueError(f"its precision {values['precision']!r} is unknown")
        steps = Preprocessing(
            values["resize"],
            values["image_size"],
            values["interpolation"],
            tuple(values["mean"]),
            tuple(values["std"]),
        )
        flags = tuple(values["flags"].items())
        return cls(values["fingerprint"], steps, values["exif"], values["precision"], flags)

    def without_flags(self) -> Encoding:
        """The same as files say it that are older than flags: what says none may have any."""
        return replace(self, flags=())
