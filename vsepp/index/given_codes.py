"""An index of codes that were made elsewhere, such as clip-retrieval's ``img_emb_0.npy``.

What a photograph's content was is not known, so its code stands for it: the same name with
another code has changed. An index that is then made of the folder itself encodes every photograph.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import numpy as np

from vsepp.data.encoding import Encoding
from vsepp.index.choosing import Choice
from vsepp.index.file_store import FileStore
from vsepp.index.folders import Folder
from vsepp.index.given_names import read_names
from vsepp.index.manifest import DTYPES, CodeOrigin, Manifest, Photograph
from vsepp.index.origins import check_origin
from vsepp.index.outcome import Report
from vsepp.index.places import check_folders
from vsepp.index.reusable_codes import Place, ReusableCodes
from vsepp.index.stores import Store, Taken
from vsepp.index.updating import PhotographEncoder
from vsepp.system.errors import InputError
from vsepp.system.npy_files import read_npy

_AT_ONCE = 4_096
_LENGTH = 2e-3  # by how much a code in half precision may miss length 1
_MEND = "give --codes .npy files of numbers, a row for each photograph"


def index_codes(
    codes: Sequence[str],
    names: Sequence[str],
    folder: Optional[str | Path],
    index: str | Path | Store,
    model: PhotographEncoder,
    dtype: Optional[str] = None,
    approximate: Optional[bool] = None,
    force: bool = False,
) -> Report:
    """Make an index of codes, or let it be of these from now on.

    Args:
        codes: ``.npy`` files, float ``[n, embed_size]``, one after the other.
        names: files as :func:`vsepp.index.given_names.read_names` reads them.
        folder: where the photographs are, if anywhere; None: the current folder, or the one that
            all absolute names lie in.
        index, model, dtype, approximate, force: see :func:`vsepp.index.updating.update_index`;
            the model is the one that the codes are of.

    Returns:
        Report: nothing is ``encoded``; its ``remarks`` say what was done to names and codes.

    Raises:
        InputError: when codes and names do not fit together, the codes are not the model's, or
            the index is of something else.
    """
    store = FileStore(index) if isinstance(index, (str, Path)) else index
    report = Report()
    given = _Given(codes, model, report)
    base, ordered = _named(names, folder, given.count, report)
    with store.alone():
        before = store.read_before(force)
        origin = CodeOrigin(
            Encoding.of_model(model, exif=True),
            model.config.embed_size,
            model.measure,
            dtype or (before.origin.dtype if before else DTYPES[0]),
        )
        if approximate is None:
            approximate = bool(before and before.approximate)
        store.check_usable(origin, approximate)
        folders = (Folder("", base),)
        known = _known(store, before, origin, folders, model, force)
        with closing(store.begin(origin, folders)) as journal:
            report.recovered = journal.recovered
            places = {
                (photograph.path, photograph.sha256): (source, row)
                for source, photographs in enumerate((known[0], journal.photographs))
                for row, photograph in enumerate(photographs)
            }
            now = _take_in(given, ordered, journal, places)
            now.sort()
            manifest = Manifest(
                folders, os.path.abspath(model.checkpoint), origin, tuple(now), choice=Choice()
            )
            report.count(
                before.photographs if before else (), now, (photograph.path for photograph in now)
            )
            reusable = ReusableCodes(known, (journal.photographs, journal.codes()))
            report.approximate = store.finish(
                manifest,
                [places[(photograph.path, photograph.sha256)] for photograph in now],
                reusable,
                before,
                approximate,
                force,
            )
            journal.remove()
    return report


def _take_in(
    given: _Given, names: Sequence[str], journal: Taken, places: Dict[Tuple[str, str], Place]
) -> List[Photograph]:
    """Every photograph, in the order of the codes. Those whose name and content are not in
    ``places`` go into the journal, and their places there."""
    every: List[Photograph] = []
    for rows, block in given.blocks():
        there = [
            Photograph(names[row], 0, 0, hashlib.sha256(code.tobytes()).hexdigest())
            for row, code in zip(rows, block)
        ]
        keys = [(photograph.path, photograph.sha256) for photograph in there]
        new = [place for place, key in enumerate(keys) if key not in places]
        first = len(journal.photographs)
        journal.add([there[place] for place in new], block[new])
        journal.flush()
        places.update({keys[place]: (1, row) for row, place in enumerate(new, first)})
        every += there
    return every


def _known(
    store: Store,
    before: Optional[Manifest],
    origin: CodeOrigin,
    folders: Tuple[Folder, ...],
    model: PhotographEncoder,
    force: bool,
) -> tuple[Sequence[Photograph], np.ndarray]:
    """(photographs, codes) of the index so far that may be used."""
    nothing: tuple[Sequence[Photograph], np.ndarray] = ((), np.empty((0, 0)))
    if before is None:
        return nothing
    if not force:
        check_origin(store.name, before, origin, model.checkpoint)
        if before.folders != folders:
            raise InputError(
                f"{store.name} is the index of {before.folder}, not of {folders[0].path}: choose "
                f"another {store.another}, or give --force if that is where the photographs are "
                "now."
            )
    if before.origin != origin or before.folders != folders:
        return nothing
    codes = store.codes_before(before, force)
    return (before.photographs, codes) if len(codes) else nothing


def _named(
    paths: Sequence[str], folder: Optional[str | Path], count: int, report: Report
) -> tuple[str, List[str]]:
    """(the folder of the photographs, their names in it)."""
    names, addresses = read_names(paths)
    if len(names) != count:
        raise InputError(
            f"{', '.join(paths)}: {len(names):,} names do not fit {count:,} codes: give one for "
            "each, in the same order."
        )
    if addresses:
        report.remarks.append(f"{addresses:,} names are addresses: kept without https://")
    absolute = [os.path.isabs(name) for name in names]
    if folder is not None:
        check_folders([folder])
        base = os.path.abspath(folder)
    elif all(absolute):
        base = os.path.commonpath([os.path.dirname(name) for name in names])
    else:
        base = os.getcwd()
    start = base.rstrip(os.sep) + os.sep
    for place, name in enumerate(names):
        if absolute[place]:
            if not name.startswith(start):
                raise InputError(
                    f"{name} does not lie below {base}: give the folder that all photographs are "
                    "in."
                )
            names[place] = name[len(start) :].lstrip(os.sep).replace(os.sep, "/")
    _check_once(names, base)
    missing = sum(not os.path.isfile(os.path.join(base, name)) for name in names)
    if missing:
        report.remarks.append(
            f"{missing:,} of {count:,} names are no files below {base}: they are found, but cannot "
            "be shown or copied"
        )
    return base, names


def _check_once(names: Sequence[str], base: str) -> None:
    """InputError where an absolute name turns out to be another's below the folder."""
    seen: Set[str] = set()
    for number, name in enumerate(names, 1):
        if name in seen:
            raise InputError(
                f"name {number} is {name} below {base}, which was there already: name each "
                "photograph once."
            )
        seen.add(name)


class _Given:
    """The codes of files, checked to be such as a model's are."""

    def __init__(self, paths: Sequence[str], model: PhotographEncoder, report: Report) -> None:
        self._arrays = [(path, _opened(path, model)) for path in paths]
        self.count = sum(len(array) for _, array in self._arrays)
        self._unit = model.measure == "cosine" and model.config.normalize_images
        self._report, self._scaled = report, 0

    def blocks(self) -> Iterator[tuple[range, np.ndarray]]:
        """Yield (which rows of all, float32 ``[n, size]``).

        Raises:
            InputError: when a code holds NaN, infinity or what single precision cannot hold, or is
                zero and has no direction.
        """
        first = 0
        for path, array in self._arrays:
            for start in range(0, len(array), _AT_ONCE):
                with np.errstate(over="ignore"):  # what is too large is refused below
                    block = np.array(array[start : start + _AT_ONCE], np.float32)
                rows = range(first + start, first + start + len(block))
                yield rows, self._checked(block, path, start, array)
            first += len(array)
        if self._scaled:
            self._report.remarks.append(
                f"{self._scaled:,} codes were not of length 1, as the checkpoint's are: scaled"
            )

    def _checked(self, block: np.ndarray, path: str, start: int, array: np.ndarray) -> np.ndarray:
        wrong = ~np.isfinite(block).all(axis=1)
        if wrong.any():
            row = start + int(wrong.argmax())
            if np.isfinite(array[row]).all():
                raise _too_large(path, row)
            raise InputError(f"{path} holds NaN or infinity in row {row}: {_MEND}.")
        if not self._unit:
            return block
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        if not lengths.all():
            raise InputError(
                f"{path} holds nothing but zeros in row {start + int(lengths.argmin())}: {_MEND}."
            )
        if lengths.max() > np.finfo(np.float32).max:
            raise _too_large(path, start + int(lengths.argmax()))
        off = np.abs(lengths - 1) > _LENGTH
        self._scaled += int(off.sum())
        block[off] /= lengths[off, None].astype(np.float32)
        return block


def _too_large(path: str, row: int) -> InputError:
    return InputError(
        f"{path} holds a code in row {row} that is too large for single precision: divide all "
        "codes by their largest length."
    )


def _opened(path: str, model: PhotographEncoder) -> np.ndarray:
    array = read_npy(path, _MEND)
    size = model.config.embed_size
    if array.dtype.kind != "f" or array.ndim != 2 or not len(array):
        raise InputError(
            f"{path} holds {array.dtype} {array.shape}, not float [n, {size}]: {_MEND}."
        )
    if array.shape[1] != size:
        raise InputError(
            f"{path} holds codes of {array.shape[1]} numbers, and those of {model.checkpoint} have "
            f"{size}: give the checkpoint that they are of."
        )
    return array
