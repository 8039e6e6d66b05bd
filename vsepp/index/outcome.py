"""What an update of an index did, and why it could not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Optional

from vsepp.index.finding import HIDDEN_FILES, NO_SUFFIX, Found
from vsepp.index.folders import Folder, in_words
from vsepp.index.manifest import Photograph
from vsepp.system.invocation import quoted


@dataclass
class Report:
    """What an update did.

    Attributes:
        new, changed, gone, unchanged: photographs, compared with the index as it was.
        encoded: photographs that went through the network.
        recovered: photographs that an interrupted run had encoded.
        seconds: spent encoding.
        unreadable: list of ``(path, reason)``.
        total: photographs in the index now.
        approximate: None, or what the manifest says of the approximate index.
        found: every file below the folders, by what became of it.
        remarks: sentences about the folders and patterns.
    """

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    encoded: int = 0
    recovered: int = 0
    seconds: float = 0.0
    unreadable: list = field(default_factory=list)
    total: int = 0
    approximate: Optional[dict] = None
    found: Found = field(default_factory=Found)
    remarks: list = field(default_factory=list)

    def count(
        self, known: Iterable[Photograph], now: Sequence[Photograph], there: Iterable[str]
    ) -> None:
        """Count what is new, changed, gone and unchanged.

        Args:
            known: photographs of the index as it was.
            now: those that it has now.
            there: names of all that were found.
        """
        before = {photograph.path: photograph.sha256 for photograph in known}
        for photograph in now:
            if photograph.path not in before:
                self.new += 1
            elif before[photograph.path] == photograph.sha256:
                self.unchanged += 1
            else:
                self.changed += 1
        self.gone = len(before.keys() - set(there))
        self.total = len(now)

    @property
    def parts(self) -> dict[str, int]:
        """Every file that was found, by what became of it: these add up to ``found.files``."""
        return {
            "in the index": self.total,
            "unreadable": len(self.unreadable),
            "of other kinds": sum(self.found.other_kinds.values()),
            "passed over by name": sum(self.found.by_name.values()),
            "excluded": sum(self.found.excluded.values()),
        }


def other_kinds(found: Found) -> str:
    """Files of other kinds by suffix, the most frequent first: ``12 .mp4, 1 without suffix``."""
    return ", ".join(
        f"{count:,} {'without suffix' if suffix == NO_SUFFIX else suffix}"
        for suffix, count in _most_frequent(found.other_kinds)
    )


def by_name(found: Found) -> str:
    """Files that a name keeps out: ``30 in @eaDir, 2 hidden, 1 Thumbs.db``."""
    said = []
    for name, count in _most_frequent(found.by_name):
        what = f"in {name[:-1]}" if name.endswith("/") else name
        said.append(f"{count:,} {'hidden' if name == HIDDEN_FILES else what}")
    return ", ".join(said)


def not_looked_at(found: Found) -> dict[str, str]:
    """How files were passed over, and which in each way, of those ways in which any were."""
    said = {"passed over by suffix": other_kinds(found), "passed over by name": by_name(found)}
    return {how: which for how, which in said.items() if which}


def taking_in(found: Found) -> str:
    """The option that takes in the first of what :func:`by_name` says."""
    name = _most_frequent(found.by_name)[0][0]
    return f"--include {quoted('.*' if name == HIDDEN_FILES else name.rstrip('/'))}"


def excluded(found: Found) -> str:
    """Files that each pattern keeps out: ``30 by *.png, none by raw, …``."""
    return ", ".join(
        f"{count:,} by {pattern}"
        if count
        else f"none by {pattern}, which fits nothing below the folders"
        for pattern, count in found.excluded.items()
    )


def _most_frequent(counted: Mapping[str, int]) -> list[tuple[str, int]]:
    present = [(what, count) for what, count in counted.items() if count]
    return sorted(present, key=lambda pair: (-pair[1], pair[0]))


def by_reason(unreadable: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """``{reason: paths}`` of what cannot be read, in the order of the first path of each."""
    reasons: dict[str, list[str]] = {}
    for path, reason in sorted(unreadable):
        reasons.setdefault(reason, []).append(path)
    return reasons


def nothing_found(
    folders: Sequence[Folder], found: Found, unreadable: Sequence[tuple[str, str]]
) -> str:
    """What is said where there are no photographs below folders."""
    return (
        f"{in_words(folders)} {'hold' if len(folders) > 1 else 'holds'} no photographs"
        f"{_instead(found, unreadable)}: give another folder."
    )


def nothing_readable(
    folders: Sequence[Folder], unreadable: Sequence[tuple[str, str]], count: int
) -> str:
    """What is said where none of ``count`` photographs below folders can be read."""
    path, reason = min(unreadable)
    reasons = len(by_reason(unreadable))
    return (
        f"none of the {count} photographs below {in_words(folders)} can be read"
        f"{f', for {reasons} reasons' if reasons > 1 else ''}; of {path}: {reason}."
    )


def _instead(found: Found, unreadable: Sequence[tuple[str, str]]) -> str:
    """What there is in place of photographs, in brackets; empty where there is nothing."""
    said = [
        (other_kinds(found), "{}"),
        (by_name(found), "passed over by name: {}"),
        (excluded(found), "excluded: {}"),
    ]
    parts = [words.format(counts) for counts, words in said if counts]
    if unreadable:
        path, reason = min(unreadable)
        parts.append(f"{len(unreadable)} cannot be read, the first being {path} ({reason})")
    return f" ({'; '.join(parts)})" if parts else ""
