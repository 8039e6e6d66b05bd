"""What ``vsepp caption --images`` says in the end."""

import os

from vsepp.cli.found_files import found_lines, unreadable_lines
from vsepp.system.counts import counted

_SHOWN = 20  # names of what was passed over for one reason


def outcome_lines(outcome, out):
    """The lines.

    Args:
        outcome: a ``vsepp.captioning.folder.Outcome``.
        out: the table's file, or None.
    """
    lines = []
    if outcome.captioned:
        speed = outcome.captioned / max(outcome.seconds, 1e-9)
        lines.append(
            f"{counted(outcome.captioned, 'photograph')} captioned in {outcome.seconds:.1f} s "
            f"({speed:.1f} images/s)"
        )
    if outcome.kept:
        lines.append(f"{counted(outcome.kept, 'photograph')} had been captioned by an earlier run")
    if out:
        lines.append(f"{out}: {counted(outcome.rows, 'photograph')}")
    if outcome.escaped:
        names = counted(outcome.escaped, "file name")
        lines.append(f"{names} that are no text stand there with escapes")
    if outcome.sidecars:
        lines += _sidecar_lines(outcome.sidecars)
    lines += outcome.remarks
    lines += unreadable_lines(outcome.unreadable)
    return lines + found_lines(outcome.found, outcome.parts)


def _sidecar_lines(sidecars):
    from vsepp.index.outcome import by_reason

    lines = [sidecars.summary()]
    for reason, paths in by_reason(list(sidecars.passed_over.items())).items():
        mend = "" if sidecars.force or "already" not in reason else " (--force writes over them)"
        lines.append(f"passed over, since {reason}{mend}: {len(paths)}")
        lines += [f"  {os.path.relpath(path)}" for path in paths[:_SHOWN]]
        if len(paths) > _SHOWN:
            lines.append(f"  … and {len(paths) - _SHOWN} more")
    return lines
