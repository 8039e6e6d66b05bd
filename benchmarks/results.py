"""What was measured: rows of comparisons and single figures, as a table and for JSON."""

from dataclasses import asdict, dataclass, field

from benchmarks.timing import ratio
from vsepp.report.tables import format_table

SPEED, TIME = "speed", "time"
LIMIT = "bare product"  # the reference that nothing can undercut: there the ratio is of time


@dataclass
class Row:
    """One comparison, or our side alone.

    Attributes:
        what: what both sides did.
        ours, theirs: :class:`Sample`, seconds for the same work; ``theirs`` is None where our
            side ran alone, and ``reference`` and ``ratio`` with it.
        reference: what was run instead.
        kind: ``speed``: how many times as fast we are; ``time``: how many times the
            reference's time we take, where that is the limit.
        amount, unit: how many of what the work was, where a rate says more than seconds.
        note: such as what was extrapolated, and from what.
    """

    what: str
    ours: object
    reference: str = None
    theirs: object = None
    kind: str = SPEED
    amount: float = None
    unit: str = None
    note: str = ""

    @property
    def ratio(self):
        if self.theirs is None:
            return None
        if self.kind == TIME:
            return ratio(self.ours, self.theirs)
        return ratio(self.theirs, self.ours)

    def cells(self):
        found = self.ratio
        if found is None:
            return [self.what, self._figure(self.ours), "", "", "", ""]
        sign = "× its time" if self.kind == TIME else "×"
        return [
            self.what,
            self._figure(self.ours),
            self.reference,
            self._figure(self.theirs),
            f"{short(found.value)} {sign}",
            f"{short(found.lowest)} … {short(found.highest)}",
        ]

    def _figure(self, sample):
        if self.amount is None:
            return duration(sample.median)
        return f"{short(self.amount / sample.median)} {self.unit}/s"

    def to_dict(self):
        """For JSON: seconds of both sides, and their ratio."""
        return {
            "what": self.what,
            "reference": self.reference,
            "kind": self.kind,
            "amount": self.amount,
            "unit": self.unit,
            "note": self.note,
            "ratio": self.ratio and asdict(self.ratio),
            "ours": _seconds(self.ours),
            "theirs": self.theirs and _seconds(self.theirs),
        }


def compared(what, ours, others, **details):
    """A :class:`Row` for each of ``others``, or where there are none one of our side alone.

    Args:
        ours: our :class:`Sample`.
        others: ``{reference: Sample}``.
        details: ``amount``, ``unit`` and ``note`` of every row.
    """
    if not others:
        return [Row(what, ours, **details)]
    return [
        Row(what, ours, name, theirs, TIME if name.startswith(LIMIT) else SPEED, **details)
        for name, theirs in others.items()
    ]


@dataclass
class Figure:
    """A single figure, such as a peak of memory."""

    what: str
    value: float
    unit: str

    def __str__(self):
        text = duration(self.value) if self.unit == "s" else f"{short(self.value)} {self.unit}"
        return f"{self.what}: {text.strip()}"


@dataclass
class Result:
    """What one part measured; ``skipped`` says why it did not."""

    title: str
    rows: list = field(default_factory=list)
    figures: list = field(default_factory=list)
    notes: list = field(default_factory=list)
    skipped: str = None
    seconds: float = 0.0

    def text(self):
        """A heading, the table of comparisons, the figures, the notes."""
        lines = [self.title, ""]
        if self.skipped:
            return "\n".join([*lines, f"skipped: {self.skipped}"])
        if self.rows:
            lines += [
                format_table(
                    [row.cells() for row in self.rows],
                    ["what", "ours", "reference", "its figure", "ratio", "rounds"],
                    "lrlrrr",
                ),
                "",
            ]
        lines += [str(figure) for figure in self.figures]
        notes = list(
            dict.fromkeys(
                [
                    *(
                        f"{', '.join(filter(None, (row.what, row.reference)))}: {row.note}"
                        for row in self.rows
                        if row.note
                    ),
                    *self.notes,
                ]
            )
        )
        lines += [f"note: {note}" for note in notes]
        return "\n".join(lines).rstrip()

    def to_dict(self):
        """For JSON."""
        return {
            "title": self.title,
            "skipped": self.skipped,
            "seconds": self.seconds,
            "rows": [row.to_dict() for row in self.rows],
            "figures": [asdict(figure) for figure in self.figures],
            "notes": self.notes,
        }


def _seconds(sample):
    return {
        "median": sample.median,
        "lowest": min(sample.seconds),
        "highest": max(sample.seconds),
        "rounds": list(sample.seconds),
    }


def short(value):
    """A number with three digits that count.

    >>> short(0.01234), short(3.14159), short(46.94), short(1234.5)
    ('0.0123', '3.14', '46.9', '1,234')
    """
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if abs(value) >= 0.001 else f"{value:.2g}"


def duration(seconds):
    """Seconds in the unit that suits them.

    >>> duration(0.0123), duration(3.14159), duration(300), duration(30_000)
    ('12.3 ms', '3.14 s', '5.00 min', '8.33 h')
    """
    for limit, factor, unit in ((1, 1000, "ms"), (120, 1, "s"), (7200, 1 / 60, "min")):
        if seconds < limit:
            return f"{short(seconds * factor)} {unit}"
    return f"{short(seconds / 3600)} h"
