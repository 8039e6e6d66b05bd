"""What became of the files below folders, in lines that are printed."""

from vsepp.system.invocation import quoted


def unreadable_lines(unreadable):
    """Every file that cannot be read, under its reason where several share one.

    Args:
        unreadable: list of ``(path, reason)``.
    """
    from vsepp.index.outcome import by_reason

    lines = ["left out, since they cannot be read:"] if unreadable else []
    for reason, paths in by_reason(unreadable).items():
        if len(paths) == 1:
            lines.append(f"  {paths[0]}: {reason}")
        else:
            lines.append(f"  {len(paths)} files; of each: {reason}")
            lines += [f"    {path}" for path in paths]
    return lines


def found_lines(found, parts):
    """What was passed over, and every file that was found as a sum.

    Args:
        found: a ``vsepp.index.finding.Found``.
        parts: ``{what became of files: how many}``, which adds up to ``found.files``.
    """
    from vsepp.index.outcome import by_name, excluded, not_looked_at, taking_in

    lines = [f"{how}: {which}" for how, which in not_looked_at(found).items()]
    if by_name(found):
        lines[-1] += f" ({taking_in(found)} takes it in)"
    if found.excluded:
        lines.append(f"excluded: {excluded(found)}")
    for pattern in sorted(found.unused_includes):
        lines.append(f"--include {quoted(pattern)} fits nothing that its name keeps out")
    said = [f"{count} {what}" for what, count in parts.items() if count]
    lines.append(f"{found.files} files found: {', '.join(said)}")
    return lines
