"""Plain tables for a terminal, aligned by the width characters take on the screen."""

import unicodedata

from vsepp.metrics.result import RetrievalResult

MISSING = "–"
DIRECTIONS = (("i2t", "image → sentence"), ("t2i", "sentence → image"))
METRICS = ("R@1", "R@5", "R@10", "Med r", "Mean r", "mAP@R")
HIDDEN = ("Med r (authors)",)  # for parity, in the JSON only
DECIMALS = {"R@": 1, "Med r": 0, "Mean r": 1, "mAP": 1, "rsum": 1}
_LEVEL = "  95 % interval"


def display_width(text):
    """Terminal columns that ``text`` takes: CJK characters two, combining marks none.

    >>> display_width("dog"), display_width("小狗"), display_width("e\\u0301")
    (3, 4, 1)
    """
    width = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return width


def format_table(rows, headers, aligns=None):
    """Lay ``rows`` out under ``headers``.

    Args:
        rows: sequences of cells. A float is printed with two decimals, ``None`` as a
            dash, anything else by ``str``; line breaks inside a cell become spaces.
        headers: one title per column.
        aligns: one of ``l``, ``r``, ``c`` per column, as a string or a sequence. By
            default a column that holds only numbers stands right, any other left.

    Returns:
        str: the table's lines, without a trailing line break.

    Raises:
        ValueError: a row or ``aligns`` that does not match ``headers``.

    >>> print(format_table([["dog", 0.5], ["小狗", 12.25]], ["word", "score"]))
    word  score
    ----  -----
    dog    0.50
    小狗  12.25
    """
    rows = [list(row) for row in rows]
    for number, row in enumerate(rows):
        if len(row) != len(headers):
            raise ValueError(f"row {number} has {len(row)} cells under {len(headers)} headers")
    if aligns is None:
        aligns = ["r" if rows and all(map(_is_number, column)) else "l" for column in zip(*rows)]
        aligns = aligns or ["l"] * len(headers)
    if len(aligns) != len(headers) or not set(aligns) <= set("lrc"):
        wanted = f"l, r or c for each of {len(headers)} columns"
        raise ValueError(f"aligns {aligns!r} must hold {wanted}")

    lines = [[_cell(cell) for cell in line] for line in [headers, *rows]]
    widths = [max(map(display_width, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(_pad(*cell) for cell in zip(line, widths, aligns)).rstrip() for line in lines
    )


def metrics_table(result):
    """The scores of one evaluation, as text.

    Args:
        result: a ``vsepp.metrics.result.RetrievalResult``, or the dictionary that it writes;
            of this, ``checkpoint`` and single scores may be missing, and further scores get a
            column of their own. With intervals, each line of scores has a line of intervals
            below it; of an ensemble, all checkpoints are named.

    Returns:
        str: a heading that names data set, split, counts and protocol, one line per
        direction, and rsum.
    """
    result = _as_dictionary(result)
    lines = [heading(result)]
    if result.get("ensemble"):
        lines.append("Ensemble, mean of similarities: " + ", ".join(result["ensemble"]))
    elif result.get("checkpoint"):
        lines.append(f"Checkpoint: {result['checkpoint']}")
    if result.get("equal_captions"):
        lines.append(equal_captions_line(result["equal_captions"]))

    columns, directions, (rsum, bounds) = metric_cells(result)
    rows = []
    for title, cells in directions:
        rows.append([title, *(score for score, _ in cells)])
        if result.get("intervals"):
            rows.append([_LEVEL, *(interval for _, interval in cells)])
    rsum = f"rsum {rsum}" + (f"{_LEVEL} {bounds}" if bounds else "")
    return "\n".join([*lines, "", _scores_table(rows, columns), "", rsum])


def metric_cells(result):
    """The scores of one evaluation as people read them, for whatever shows them.

    Args:
        result: see :func:`metrics_table`.

    Returns:
        (columns, directions, rsum): names of metrics; ``(title, cells)`` for each direction,
        one ``(score, interval)`` of texts per column, None for what is missing; and such a
        pair for rsum.
    """
    result = _as_dictionary(result)
    columns, bounds = _columns(result), result.get("intervals") or {}
    directions = []
    for direction, title in DIRECTIONS:
        scores, of = result[direction], bounds.get(direction, {})
        directions.append(
            (
                title,
                [
                    (_score(name, scores.get(name)), _interval(name, of.get(name)))
                    for name in columns
                ],
            )
        )
    return (
        columns,
        directions,
        (_score("rsum", result["rsum"]), _interval("rsum", bounds.get("rsum"))),
    )


def comparison_table(comparison, other):
    """Differences between two checkpoints, as text.

    Args:
        comparison: see ``vsepp.metrics.bootstrap.compare``.
        other: name of the checkpoint that was compared with.

    Returns:
        str: one line per direction, each with a line of intervals below it, and rsum.
    """
    columns, rows = [name for name in METRICS if name in comparison["i2t"]], []
    for direction, title in DIRECTIONS:
        cells = [comparison[direction][name] for name in columns]
        rows.append([title, *(_difference(cell["difference"]) for cell in cells)])
        rows.append([_LEVEL, *(_interval("", cell["interval"], _difference) for cell in cells)])
    rsum = comparison["rsum"]
    return "\n".join(
        [
            f"Difference from {other} (positive: that one is worse), paired bootstrap:",
            "",
            _scores_table(rows, columns),
            "",
            f"rsum {_difference(rsum['difference'])}{_LEVEL} "
            f"{_interval('', rsum['interval'], _difference)}",
        ]
    )


def summary_table(summary):
    """Mean ± sample standard deviation over runs, as text, of what ``summarise`` returns."""
    columns = _columns(summary)
    rows = [
        [title, *(_spread(name, summary[direction].get(name)) for name in columns)]
        for direction, title in DIRECTIONS
    ]
    return "\n".join(
        [
            heading(summary),
            f"Mean ± sample standard deviation of {summary['runs']} runs.",
            "",
            _scores_table(rows, columns),
            "",
            f"rsum {_spread('rsum', summary['rsum'])}",
        ]
    )


def heading(result):
    """What was scored: data set, split, how many images and sentences, protocol."""
    names = [result.get("dataset"), f"{result['split']} split" if "split" in result else None]
    names = ", ".join(filter(None, names))
    return (
        f"{names}{': ' if names else ''}{result['images']:,} images, {result['captions']:,} "
        f"sentences. Protocol: {result['protocol']}."
    )


def equal_captions_line(equal):
    """What is said of captions that several images have word for word.

    Args:
        equal: ``equal_captions`` of a ``vsepp.metrics.result.RetrievalResult``.
    """
    count = equal["captions"]
    if not count:
        return "No captions of different images are word for word equal."
    said = f"{count:,} captions of different images are word for word equal"
    kinds = "1 sentence" if equal["sentences"] == 1 else f"{equal['sentences']:,} sentences"
    if equal["counted"] == "right":
        return f"{said} ({kinds}) and count as right for each other's images."
    if "rsum_right" not in equal:
        return f"{said} ({kinds}) and count as wrong for each other's images."
    return (
        f"{said} ({kinds}) and count as wrong for each other's images; counted as right "
        f"(--equal-captions right) rsum is {_score('rsum', equal['rsum_right'])}."
    )


def hubness_line(result):
    """The scores after hubness correction, on a line of their own.

    Args:
        result: see :func:`metrics_table`; its ``hubness`` is shown.
    """
    result = _as_dictionary(result)
    corrected = result["hubness"]
    on = corrected["chosen_on"]
    itself = ", the split itself" if on == result.get("split") else ""
    recalls = "; ".join(
        f"{title} " + ", ".join(f"{k} {_score(k, corrected[way][k])}" for k in METRICS[:3])
        for way, title in DIRECTIONS
    )
    return (
        f"with hubness correction, temperature {corrected['temperature']:g} "
        f"({f'chosen on {on}{itself}' if on else 'given by hand'}): "
        f"rsum {_score('rsum', corrected['rsum'])}; {recalls}; uses the other queries of the "
        "split; not comparable with plain results"
    )


def _as_dictionary(result):
    return result.to_dict() if isinstance(result, RetrievalResult) else result


def _columns(result):
    scored = [key for direction, _ in DIRECTIONS for key in result[direction]]
    columns = [name for name in METRICS if name in scored]
    return columns + [name for name in dict.fromkeys(scored) if name not in METRICS + HIDDEN]


def _scores_table(rows, columns):
    return format_table(rows, ["", *columns], "l" + "r" * len(columns))


def _interval(name, bounds, form=None):
    if bounds is None:
        return None
    low, high = (form(value) if form else _score(name, value) for value in bounds)
    return f"[{low}, {high}]"


def _difference(value):
    return f"{value:+.1f}" if round(value, 1) else "0.0"


def _spread(name, cell):
    if cell is None:
        return None
    decimals = max(1, _decimals(name))  # a mean of medians need not be whole
    return f"{cell['mean']:.{decimals}f} ± {cell['std']:.{decimals}f}"


def _decimals(name):
    return next((count for start, count in DECIMALS.items() if name.startswith(start)), 2)


def _score(name, value):
    if value is None or not _is_number(value):
        return value
    decimals = _decimals(name)
    if decimals == 0 and value != round(value, 0):  # a mean over folds need not be whole
        decimals = 1
    return f"{value:.{decimals}f}"


def _is_number(cell):
    return not isinstance(cell, (str, bool)) and hasattr(cell, "__float__")


def _cell(cell):
    if cell is None:
        return MISSING
    if _is_number(cell) and not hasattr(cell, "__index__"):
        return f"{float(cell):.2f}"
    return " ".join(str(cell).splitlines())


def _pad(text, width, align):
    space = width - display_width(text)
    left = {"l": 0, "r": space, "c": space // 2}[align]
    return " " * left + text + " " * (space - left)
