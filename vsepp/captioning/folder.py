"""Sentences for every photograph below folders: into a table, into files beside them, or both."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from vsepp.captioning.making import Maker
from vsepp.captioning.photographs import MANY, caption_files
from vsepp.captioning.rows import Row
from vsepp.captioning.sidecars import Sidecars
from vsepp.captioning.tables import Table
from vsepp.index.finding import Found, PhotographFile, find_photographs
from vsepp.index.folders import file_of
from vsepp.index.outcome import nothing_found, nothing_readable
from vsepp.index.places import check_folders
from vsepp.index.scope import Scope, Wanted
from vsepp.system.errors import InputError
from vsepp.system.printable import is_text


@dataclass
class Outcome:
    """What became of the photographs.

    Attributes:
        captioned: photographs whose sentences were made.
        kept: those whose sentences an earlier run had made.
        left: those whose sentences nobody asks for, since the files beside them are there.
        rows: of the table, or None.
        escaped: names in it that are no text, and so stand there with escapes.
        unreadable: list of ``(name below the folders, reason)``.
        found: every file below the folders.
        sidecars: the files beside the photographs, or None.
        remarks: sentences about the folders.
        seconds: spent on those that were captioned.
    """

    captioned: int = 0
    kept: int = 0
    left: int = 0
    rows: Optional[int] = None
    escaped: int = 0
    unreadable: List[Tuple[str, str]] = field(default_factory=list)
    found: Found = field(default_factory=Found)
    sidecars: Optional[Sidecars] = None
    remarks: List[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def parts(self) -> Dict[str, int]:
        """Every file that was found, by what became of it: these add up to ``found.files``."""
        return {
            "captioned": self.captioned,
            "captioned by an earlier run": self.kept,
            "with a file beside them": self.left,
            "unreadable": len(self.unreadable),
            "of other kinds": sum(self.found.other_kinds.values()),
            "passed over by name": sum(self.found.by_name.values()),
            "excluded": sum(self.found.excluded.values()),
        }


class Photographs(NamedTuple):
    """What lies below folders.

    Attributes:
        scope: the folders.
        found: every file.
    """

    scope: Scope
    found: Found


def look_into(
    folders: Sequence[str | Path], exclude: Sequence[str] = (), include: Sequence[str] = ()
) -> Photographs:
    """The photographs below folders.

    Args:
        folders: of the photographs, which are only read.
        exclude, include: patterns, as :class:`vsepp.index.choosing.Choice` has them.

    Raises:
        InputError: when there are none.
    """
    check_folders(folders)
    given = tuple(os.path.abspath(folder) for folder in folders)
    scope = Scope(Wanted(given, tuple(exclude), tuple(include)), None)
    found = find_photographs(scope.folders, (), scope.choice)
    if not found.photographs:
        raise InputError(nothing_found(scope.folders, found, found.refused))
    return Photographs(scope, found)


def caption_photographs(
    photographs: Photographs,
    maker: Maker,
    out: Optional[str | Path] = None,
    sidecars: Optional[str] = None,
    force: bool = False,
    quiet: bool = True,
) -> Outcome:
    """Caption every photograph below folders that has no sentences yet.

    What an interrupted run has done is kept. What stands in the table in the end depends on the
    photographs, the checkpoint and the options alone.

    Args:
        photographs: see :func:`look_into`.
        maker: makes the sentences.
        out: a table, see :mod:`vsepp.captioning.tables`; None: none.
        sidecars: which files beside the photographs, see :mod:`vsepp.captioning.sidecars`; None:
            none.
        force: write over what is there.
        quiet: show no progress bar.

    Raises:
        InputError: when no photograph can be read, or the table is of other options, somebody
            else's, or being written by another process.
        OSError: naming the file, when something cannot be written. What was done is kept.
    """
    (scope, found), origin = photographs, maker.origin()
    outcome = Outcome(found=found, unreadable=list(found.refused), remarks=list(scope.remarks()))
    with ExitStack() as stack:
        table = None
        if out is not None:
            about = {**origin, "the folder": [folder.path for folder in scope.folders]}
            table = stack.enter_context(Table(out, about, maker.keep, force))
        beside = Sidecars(sidecars, origin, force) if sidecars else None
        outcome.sidecars = beside
        missing: Dict[str, Tuple[PhotographFile, bool]] = {}
        for photograph in found.photographs:
            file = file_of(scope.folders, photograph.path)
            wanted = beside is not None and beside.wants(file)
            row = table.row(photograph) if table else None
            if row is not None:
                outcome.kept += 1
                if beside is not None and wanted:
                    beside.write(file, row.answers)
            elif table or wanted:
                missing[file] = photograph, wanted
            else:
                outcome.left += 1
        _caption(missing, maker, table, beside, outcome, quiet)
        if len(outcome.unreadable) == len(found.photographs) + len(found.refused):
            count = len(found.photographs)
            raise InputError(nothing_readable(scope.folders, outcome.unreadable, count))
        if table:
            files = table.write(found.photographs)
            outcome.rows, outcome.escaped = len(files), sum(not is_text(file) for file in files)
    return outcome


def _caption(
    missing: Dict[str, Tuple[PhotographFile, bool]],
    maker: Maker,
    table: Optional[Table],
    beside: Optional[Sidecars],
    outcome: Outcome,
    quiet: bool,
) -> None:
    """Caption what is missing; each photograph is done with before the next."""
    # Not by how many are missing: a run that goes on captions as the first one did.
    together = MANY if len(outcome.found.photographs) >= MANY else 1
    begin = time.monotonic()
    for file, answers in caption_files(maker, list(missing), together, quiet):
        photograph, wanted = missing[file]
        if isinstance(answers, InputError):
            outcome.unreadable.append((photograph.path, _reason(answers, file)))
            continue
        outcome.captioned += 1
        if table:
            table.add(Row(*photograph, answers))
        if beside is not None and wanted:
            beside.write(file, answers)
    outcome.seconds = time.monotonic() - begin


def _reason(error: InputError, file: str) -> str:
    """What is wrong with a file, without its name in front."""
    return str(error).removeprefix(f"{file} ").rstrip(".")
