"""The files that belong to a manifest: written beside the others, opened whole, removed."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from vsepp.index.manifest import MEND, Manifest, read_manifest
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError
from vsepp.system.npy_files import read_npy

_FILES = ("codes-*.npy", "approximate-*.faiss")
_ATTEMPTS = 20  # a reader overtaken so often by new generations gives up

Opened = TypeVar("Opened")


def open_codes(index: str | Path, manifest: Manifest) -> np.ndarray:
    """The codes of a manifest, memory-mapped: ``[n_photographs, embed_size]``.

    Raises:
        FileNotFoundError: when they are gone, as an index's that was replaced meanwhile.
        InputError: when they are damaged.
    """
    path = manifest.codes_path(index)
    try:
        codes = read_npy(path, MEND)
    except InputError:
        if path.exists():
            raise
        raise FileNotFoundError(errno.ENOENT, "", str(path)) from None
    shape = (len(manifest.photographs), manifest.origin.embed_size)
    wanted = np.dtype(manifest.origin.dtype).newbyteorder("<")
    if codes.shape != shape or codes.dtype != wanted or not codes.flags.c_contiguous:
        raise InputError(f"{path} holds {codes.dtype} {codes.shape}, not {wanted} {shape}: {MEND}.")
    return codes


def open_generation(
    index: str | Path, open_files: Callable[[Manifest], Opened]
) -> tuple[Manifest, Opened]:
    """Read the manifest and open its files, though an indexer may replace them meanwhile.

    Args:
        index: the index's folder.
        open_files: called with the manifest; may raise FileNotFoundError.

    Returns:
        (:class:`Manifest`, what ``open_files`` returned)

    Raises:
        InputError: when the index is damaged.
    """
    for _ in range(_ATTEMPTS):
        manifest = read_manifest(index)
        try:
            return manifest, open_files(manifest)
        except FileNotFoundError as error:
            missing = error
            if read_manifest(index) == manifest:
                break
    raise InputError(f"{missing.filename} is missing: {MEND}.")


def write_codes(index: str | Path, manifest: Manifest, blocks: Iterable[np.ndarray]) -> None:
    """Write the codes of a generation beside the others.

    Args:
        index: the index's folder.
        manifest: :class:`Manifest` that they will belong to.
        blocks: iterable over arrays ``[some, embed_size]``, in the manifest's order.
    """
    dtype = np.dtype(manifest.origin.dtype).newbyteorder("<")
    shape = (len(manifest.photographs), manifest.origin.embed_size)
    with atomic_path(manifest.codes_path(index)) as temporary:
        with open(temporary, "wb") as file:
            np.lib.format.write_array_header_1_0(
                file, {"descr": dtype.str, "fortran_order": False, "shape": shape}
            )
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype).data)


def remove_earlier(index: str | Path, manifest: Manifest) -> None:
    """Remove the files of generations that are not ``manifest``'s."""
    current = {manifest.codes_path(index)}
    if manifest.approximate:
        current.add(manifest.approximate_path(index))
    for pattern in _FILES:
        for path in Path(index).glob(pattern):
            if path not in current:
                try:
                    path.unlink()
                except OSError:  # on Windows, while it is read; the next run removes it
                    pass
