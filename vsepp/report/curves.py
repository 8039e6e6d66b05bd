"""Training curves as one picture, of a retrieval model or a captioner."""

import io
import math

from vsepp.report.web_page import data_uri, section
from vsepp.system.atomic import atomic_path

RECALLS = ((1, "#1b4f91"), (5, "#5b8fd0"), (10, "#a9c6ea"))
BLEU = ((1, "#a9c6ea"), (2, "#5b8fd0"), (3, "#2f6fc4"), (4, "#12366b"))
DIRECTIONS = (("i2t", "Image → sentence"), ("t2i", "Sentence → image"))
SMOOTH_OVER = 40  # points of the loss; a shorter run is drawn as it is
GREY = "#707580"


def draw_curves(history, path):
    """Draw loss, learning rate and the scores of the validations over the steps, as a PNG.

    Args:
        history: dictionaries in the order they were logged. One with ``loss`` is a
            training step (``step``, ``loss``, optionally ``lr`` and ``epoch``); one with
            ``rsum`` a validation (``step``, ``rsum`` and ``r1_i2t`` … ``r10_t2i``, in
            percent), or of a captioner one with ``CIDEr-D`` (``BLEU-1`` … ``BLEU-4``,
            ``ROUGE-L``, ``CIDEr-D``). Of two entries for the same step, as a resume leaves
            them, the later one counts.
        path: the PNG file, written atomically.
    """
    figure = training_figure(history)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def curves_section(history):
    """The curves as a part of a page; a note where there is no history."""
    if not history:
        body = (
            '<p class="note">The run\'s last checkpoint, which holds what training logged, was '
            "not found.</p>"
        )
    else:
        file = io.BytesIO()
        training_figure(history).savefig(file, format="png")
        body = (
            '<div class="scroll"><img class="curves" alt="loss, learning rate and validation '
            f'scores" src="{data_uri("image/png", file.getvalue())}"></div>'
        )
    return section("Training", body)


def training_figure(history):
    """The figure that `draw_curves` writes, as a matplotlib ``Figure``."""
    # The object-oriented interface: pyplot keeps state, and would pick a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses = _by_step(history, "loss")
    rates = _by_step(history, "lr")
    captions = _by_step(history, "CIDEr-D")
    validations = captions or _by_step(history, "rsum")

    figure = Figure(figsize=(12, 7), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    grid = figure.add_gridspec(2, 6)
    axes = [figure.add_subplot(grid[0, :4]), figure.add_subplot(grid[0, 4:])]
    axes += [figure.add_subplot(grid[1, start : start + 2]) for start in (0, 2, 4)]

    _draw_loss(axes[0], losses)
    axes[1].step(*_series(rates, "lr"), where="post", color=RECALLS[0][1], linewidth=1.6)
    axes[1].locator_params(axis="y", nbins=5)
    axes[1].yaxis.set_major_formatter(lambda value, _: f"{value:.1e}" if value else "0")
    _finish(axes[1], "Learning rate", rates)
    axes[1].set_ylim(bottom=0)
    if captions:
        lines = [(f"BLEU-{n}", f"BLEU-{n}", colour) for n, colour in BLEU]
        _draw_scores(axes[2], captions, "BLEU in %", lines, columns=2)
        lines = [("ROUGE-L", "ROUGE-L", BLEU[2][1])]
        _draw_scores(axes[3], captions, "ROUGE-L in %", lines)
    else:
        for axis, (direction, title) in zip(axes[2:4], DIRECTIONS):
            lines = [(f"r{k}_{direction}", f"R@{k}", colour) for k, colour in RECALLS]
            _draw_scores(axis, validations, f"{title}, recall in %", lines, columns=3)
            axis.set_ylim(0, 114)  # room for the legend over a perfect score
            if validations:
                axis.set_yticks(range(0, 101, 20))
    _draw_best(axes[4], validations, "CIDEr-D" if captions else "rsum")

    last_step = max((row["step"] for row in losses + rates + validations), default=1)
    for axis in axes:
        axis.set_xlim(0, max(last_step, 1) * 1.02)
    return figure


def _by_step(history, key):
    rows = {row["step"]: row for row in history if row.get(key) is not None}
    return [rows[step] for step in sorted(rows)]


def _series(rows, key):
    steps = [row["step"] for row in rows]
    return steps, [math.nan if row.get(key) is None else float(row[key]) for row in rows]


def _draw_loss(axis, rows):
    steps, values = _series(rows, "loss")
    if len(rows) <= SMOOTH_OVER:
        axis.plot(steps, values, color=RECALLS[0][1], linewidth=1.5, **_marker(rows))
    else:
        axis.plot(steps, values, color=RECALLS[2][1], linewidth=0.8, label="each entry")
        window = max(5, len(rows) // 50)
        smooth = _running_mean(values, window)
        axis.plot(steps, smooth, color=RECALLS[0][1], linewidth=1.8, label=f"mean of {window}")
        axis.legend(frameon=False, fontsize=9)
    _finish(axis, "Training loss", rows)
    if min(filter(math.isfinite, values), default=0) >= 0:  # that of rewards is on both sides
        axis.set_ylim(bottom=0)


def _running_mean(values, window):
    """The mean of the last ``window`` finite values, at every entry."""
    means = []
    for end in range(1, len(values) + 1):
        finite = [value for value in values[max(0, end - window) : end] if math.isfinite(value)]
        means.append(sum(finite) / len(finite) if finite else math.nan)
    return means


def _draw_scores(axis, rows, title, lines, columns=1):
    """Several scores in one panel; ``lines`` are (key, label, colour) each."""
    for key, label, colour in lines:
        axis.plot(*_series(rows, key), color=colour, linewidth=1.6, label=label, **_marker(rows))
    _finish(axis, title, rows)
    if rows and len(lines) > 1:
        axis.legend(frameon=False, fontsize=9, ncol=columns, loc="upper left")
    highest = max((v for key, _, _ in lines for v in _series(rows, key)[1] if v > 0), default=1)
    axis.set_ylim(0, 1.3 * highest if len(lines) > 1 else None)  # room for the legend


def _draw_best(axis, rows, key):
    """The score that chooses the model, with its best value."""
    steps, values = _series(rows, key)
    axis.plot(steps, values, color=RECALLS[0][1], linewidth=1.6, **_marker(rows))
    finite = [(value, -step) for step, value in zip(steps, values) if math.isfinite(value)]
    title = key
    if finite:
        best, step = max(finite)
        axis.plot([-step], [best], "o", color="#16a054", markersize=7, gid="best")
        title = f"{key}, best {best:.1f} at step {-step:,}"
    _finish(axis, title, rows)
    axis.set_ylim(bottom=0)


def _marker(rows):
    """Dots on few points: a single one has no line to see."""
    return {"marker": "o", "markersize": 3.5} if len(rows) <= SMOOTH_OVER else {}


def _finish(axis, title, rows):
    axis.set_title(title, loc="left", fontsize=11)
    axis.set_xlabel("step", fontsize=9, color=GREY)
    axis.tick_params(labelsize=9, colors=GREY)
    axis.grid(color="#e5e7eb", linewidth=0.8)
    axis.set_axisbelow(True)
    for side, spine in axis.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#c4c8d0")
    if not rows:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.text(0.5, 0.5, "nothing yet", transform=axis.transAxes, ha="center", color=GREY)
