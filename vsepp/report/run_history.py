"""The training history that a checkpoint belongs to. No Paddle here."""

from itertools import count
from pathlib import Path

from vsepp.checkpoint import read_header
from vsepp.system.errors import InputError

_SCORES = ("rsum", "CIDEr-D")  # that choose a model, of one task or the other


def find_history(checkpoint, last_checkpoint):
    """What was logged in the run that wrote a checkpoint.

    The history stands in the run's last checkpoint: the given one itself, or the file that its
    configuration names, there or beside the given one, or one moved aside later (``.1`` …). It
    is taken only when it holds the very validation that the given one was kept for.

    Args:
        checkpoint: the file.
        last_checkpoint: ``Path`` of the last checkpoint, as the configuration says.

    Returns:
        list of dictionaries, as ``vsepp.report.curves.draw_curves`` takes them; None when the
        run's is not found.
    """
    header = read_header(checkpoint)
    own = _history(header)
    if own is not None:
        return own
    metrics = header.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    name = next((name for name in _SCORES if name in metrics), None)
    score = metrics.get(name)
    for path in _candidates(Path(checkpoint), last_checkpoint):
        try:
            history = _history(read_header(path)) or []
        except (InputError, OSError):
            continue
        if any(
            row["step"] == header["step"] and row.get(name) == score is not None for row in history
        ):
            return history
    return None


def _candidates(checkpoint, last_checkpoint):
    for folder in dict.fromkeys((checkpoint.parent, last_checkpoint.parent)):
        path = folder / last_checkpoint.name
        for number in count(1):
            if not path.exists():
                break
            yield path
            path = path.with_name(f"{last_checkpoint.name}.{number}")


def _history(header):
    """The rows in a header of a last checkpoint, None where there are none to be used."""
    position = header.get("position")
    rows = position.get("history") if isinstance(position, dict) else None
    good = (
        isinstance(rows, list)
        and rows
        and all(
            isinstance(row, dict)
            and type(row.get("step")) is int
            and all(isinstance(value, (int, float, type(None))) for value in row.values())
            for row in rows
        )
    )
    return rows if good else None
