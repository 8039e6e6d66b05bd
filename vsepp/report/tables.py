"""Plain tables for a terminal, aligned by the width characters take on the screen."""

import unicodedata

MISSING = "–"
DIRECTIONS = (("i2t", "image → sentence"), ("t2i", "sentence → image"))
METRICS = ("R@1", "R@5", "R@10", "Med r", "Mean r", "mAP@R")
DECIMALS = {"R@": 1, "Med r": 0, "Mean r": 1, "mAP": 1}


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
        result: ``{"dataset", "split", "images", "captions", "protocol", "checkpoint",
            "i2t": {"R@1", "R@5", "R@10", "Med r", "Mean r", "mAP@R"}, "t2i": {…},
            "rsum"}``. ``checkpoint`` and single scores may be missing; further scores
            get a column of their own.

    Returns:
        str: a heading that names data set, split, counts and protocol, one line per
        direction, and rsum.
    """
    heading = (
        f"{result['dataset']}, {result['split']} split: {result['images']:,} images, "
        f"{result['captions']:,} sentences. Protocol: {result['protocol']}."
    )
    lines = [heading]
    if result.get("checkpoint"):
        lines.append(f"Checkpoint: {result['checkpoint']}")

    scored = [key for direction, _ in DIRECTIONS for key in result[direction]]
    columns = [name for name in METRICS if name in scored]
    columns += [name for name in dict.fromkeys(scored) if name not in METRICS]
    rows = [
        [title, *(_score(name, result[direction].get(name)) for name in columns)]
        for direction, title in DIRECTIONS
    ]
    table = format_table(rows, ["", *columns], "l" + "r" * len(columns))
    return "\n".join([*lines, "", table, "", f"rsum {result['rsum']:.1f}"])


def _score(name, value):
    if value is None or not _is_number(value):
        return value
    decimals = next((count for start, count in DECIMALS.items() if name.startswith(start)), 2)
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
