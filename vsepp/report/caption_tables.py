"""Scores of captions as plain tables for a terminal."""

from vsepp.metrics.captions.result import CaptionResult
from vsepp.metrics.captions.statistics import SCORES
from vsepp.report.tables import format_table
from vsepp.system.counts import counted

_LEVEL = "  95 % interval"


def caption_table(result, title="captions"):
    """The scores of one evaluation of captions, as text.

    Args:
        result: a ``vsepp.metrics.captions.result.CaptionResult``, or the dictionary that it
            writes. With intervals, the line of scores has a line of intervals below it.
        title: what the line of scores is called.

    Returns:
        str: a heading that names data set, split, counts, convention and tokenizer; where the
        captions are from; the scores.
    """
    result = result.to_dict() if isinstance(result, CaptionResult) else result
    lines = [caption_heading(result)]
    if result.get("checkpoint"):
        lines.append(f"Checkpoint: {result['checkpoint']}")
    lines.append(said_of_captions(result))
    cells = caption_cells(result)
    rows = [[title, *(score for score, _ in cells.values())]]
    if result.get("intervals"):
        rows.append([_LEVEL, *(interval for _, interval in cells.values())])
    lines += ["", _table(rows)]
    if result.get("intervals"):
        lines += ["", "Intervals: bootstrap over images; the IDF of CIDEr-D stays that of all."]
    return "\n".join(lines)


def caption_comparison_table(comparison, other):
    """Differences between two sets of captions of the same images, as text.

    Args:
        comparison: ``differences`` of a ``CaptionResult``'s ``comparison``, see
            ``vsepp.metrics.captions.statistics.compare_captions``.
        other: what was compared with.
    """
    cells = [comparison[name] for name in SCORES]
    rows = [
        ["difference", *(_difference(cell["difference"]) for cell in cells)],
        [_LEVEL, *(_interval(cell["interval"], _difference) for cell in cells)],
    ]
    return f"Difference from {other} (positive: that one is worse), paired bootstrap:\n\n" + _table(
        rows
    )


def caption_summary_table(summary):
    """Mean ± sample standard deviation over runs, as text, of what ``summarise_captions``
    returns."""
    cells = [f"{summary[name]['mean']:.1f} ± {summary[name]['std']:.1f}" for name in SCORES]
    source = f", {summary['source']}" if summary.get("source") else ""
    return "\n".join(
        [
            caption_heading(summary),
            f"Mean ± sample standard deviation of {summary['runs']} runs{source}.",
            "",
            _table([["captions", *cells]]),
        ]
    )


def found_again_table(found, checkpoint, images):
    """How often a retrieval model finds an image by a sentence for it, as text.

    Args:
        found: a ``vsepp.captioning.retrieving.Found``.
        checkpoint: of the retrieval model.
        images: how many it looks among.
    """
    names = list(found.made)
    rows = [
        [what, *(f"{recalls[name]:.1f}" for name in names)]
        for what, recalls in (("made captions", found.made), ("people's captions", found.people))
    ]
    lines = [
        f"{checkpoint} looks for the image of each caption among {images:,}:",
        "",
        format_table(rows, ["", *names], "l" + "r" * len(names)),
    ]
    if found.unread:
        unread = counted(found.unread, "made caption")
        lines.append(f"{unread} without a word that it knows, which find nothing.")
    return "\n".join(lines)


def caption_heading(result):
    """What was scored: data set, split, images, references, convention, tokenizer."""
    names = [result.get("dataset"), f"{result['split']} split" if "split" in result else None]
    names = ", ".join(filter(None, names))
    return (
        f"{names}{': ' if names else ''}{counted(result['images'], 'image')}, "
        f"{counted(result['references'], 'reference')}. Scores: {result['protocol']}. "
        f"Words: {result['tokenizer']}."
    )


def caption_cells(result):
    """``{name: (score, interval)}`` as they are printed; the interval is None where there is none.

    Args:
        result: the dictionary that a ``CaptionResult`` writes.
    """
    intervals = result.get("intervals")
    return {
        name: (_score(result[name]), _interval(intervals[name], _score) if intervals else None)
        for name in SCORES
    }


def said_of_captions(result):
    """Where the captions are from, and what strikes the eye before any score does."""
    said = [f"Captions: {result['source']}"] if result.get("source") else ["Captions"]
    said.append(f"{result['distinct']:,} of {result['images']:,} different")
    said.append(f"{result['words'] / result['images']:.1f} words each")
    said.append(f"brevity penalty {result['brevity_penalty']:.3f}")
    if result["empty"]:
        said.append(f"{result['empty']:,} without a word, which score 0")
    return f"{said[0]}{', ' if result.get('source') else ': '}" + ", ".join(said[1:]) + "."


def _table(rows):
    return format_table(rows, ["", *SCORES], "l" + "r" * len(SCORES))


def _score(value):
    return f"{value:.1f}"


def _difference(value):
    return f"{value:+.1f}" if round(value, 1) else "0.0"


def _interval(bounds, form):
    return "[{}, {}]".format(*map(form, bounds))
