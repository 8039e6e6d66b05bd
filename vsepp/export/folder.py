"""The folder that an export stands in: whole, or what stood there before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from vsepp.export.description import NAME
from vsepp.system.atomic import TEMPORARY_SUFFIX, sync_folder
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one
from vsepp.system.printable import printable


def check_folder(out: Path, force: bool) -> None:
    """InputError where an export must not or cannot go.

    Args:
        out: where it is to stand.
        force: an export that stands there may be replaced.
    """
    whole = Path(os.path.realpath(out))
    if whole in (Path.cwd(), *Path.cwd().parents):
        raise InputError(
            f"{out} is the folder that this runs in, or one above it, which cannot be replaced "
            f"whole: give one of its own, such as --out {out / 'inference'}."
        )
    if os.path.ismount(out):
        raise InputError(
            f"{out} is a disk of its own, which cannot be replaced whole: give a folder on it, "
            f"such as --out {out / 'inference'}."
        )
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InputError(f"{out} is no folder: give another --out.")
    there = out if out.exists() else _replaced(out)
    names = {file.name for file in there.iterdir()} if there.exists() else set()
    if not names:
        return
    files = _files(there)
    strange = sorted(names - {NAME, *(files or ())})
    if strange or files is None:
        raise InputError(
            f"{out} holds other files than an export, such as {printable((strange or [NAME])[0])}: "
            "move them away, or give another --out."
        )
    if not force:
        raise InputError(f"{out} holds an export already: --force replaces it.")


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Let no other process write to ``out`` meanwhile. What a killed one had put aside is back.

    Raises:
        InputError: where another process does.
        OSError: naming ``out``, where nothing can be written.
    """
    lock = out.with_name(f".{out.name}.lock")
    taken = f"another process is writing {out}: wait for its end, or give another --out."
    try:
        with only_one(lock, taken):
            if _replaced(out).exists() and not out.exists():
                os.replace(_replaced(out), out)
            yield
    except OSError as error:
        if str(error.filename or "") == str(lock):
            raise OSError(error.errno, error.strerror or str(error), str(out)) from error
        raise


@contextmanager
def standing(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place once the block is through.

    Raises:
        OSError: naming ``out``, where it cannot be written.
    """
    aside = out.with_name(f".{out.name}{TEMPORARY_SUFFIX}")
    old = _replaced(out)
    for left in (aside, old):  # by a killed process
        if left.exists():
            shutil.rmtree(left)
    aside.mkdir()
    try:
        yield aside
        for file in aside.iterdir():
            with open(file, "rb+") as written:
                os.fsync(written.fileno())
        sync_folder(aside)
        if out.exists():
            os.replace(out, old)
        os.replace(aside, out)
        sync_folder(out.parent)
    except BaseException as error:
        if old.exists() and not out.exists():
            os.replace(old, out)
        if isinstance(error, OSError) and str(error.filename or "").startswith(str(aside)):
            raise OSError(error.errno, error.strerror or str(error), str(out)) from error
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if out.exists():
            shutil.rmtree(old, ignore_errors=True)


def _replaced(out: Path) -> Path:
    """Where an export is until the next one has taken its place."""
    return out.with_name(f".{out.name}.replaced")


def _files(folder: Path) -> set[str] | None:
    """The files that an export's description names; None where it is no description of ours."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        about = yaml.load((folder / NAME).read_text("utf-8"), loader)  # a SafeLoader  # nosec B506
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    files = about.get("files") if isinstance(about, dict) else None
    return set(files) if isinstance(files, dict) else None
