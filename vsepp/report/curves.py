"""Training curves as one picture."""

import math

from vsepp.system.atomic import atomic_path

RECALLS = ((1, "#1b4f91"), (5, "#5b8fd0"), (10, "#a9c6ea"))
DIRECTIONS = (("i2t", "Image → sentence"), ("t2i", "Sentence → image"))
SMOOTH_OVER = 40  # points of the loss; a shorter run is drawn as it is
GREY = "#707580"


def draw_curves(history, path):
    """Draw loss, learning rate, recalls and rsum over the steps, as a PNG.

    Args:
        history: dictionaries in the order they were logged. One with ``loss`` is a
            training step (``step``, ``loss``, optionally ``lr`` and ``epoch``); one with
            ``rsum`` a validation (``step``, ``rsum`` and ``r1_i2t`` … ``r10_t2i``, in
            percent). Of two entries for the same step, as a resume leaves them, the
            later one counts.
        path: the PNG file, written atomically.
    """
    figure = training_figure(history)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def training_figure(history):
    """The figure that `draw_curves` writes, as a matplotlib ``Figure``."""
    # The object-oriented interface: pyplot keeps state, and would pick a window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses = _by_step(history, "loss")
    rates = _by_step(history, "lr")
    validations = _by_step(history, "rsum")

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
    for axis, (direction, title) in zip(axes[2:4], DIRECTIONS):
        _draw_recalls(axis, validations, direction, title)
    _draw_rsum(axes[4], validations)

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
    axis.set_ylim(bottom=0)


def _running_mean(values, window):
    """The mean of the last ``window`` finite values, at every entry."""
    means = []
    for end in range(1, len(values) + 1):
        finite = [value for value in values[max(0, end - window) : end] if math.isfinite(value)]
        means.append(sum(finite) / len(finite) if finite else math.nan)
    return means


def _draw_recalls(axis, rows, direction, title):
    for k, colour in RECALLS:
        series = _series(rows, f"r{k}_{direction}")
        axis.plot(*series, color=colour, linewidth=1.6, label=f"R@{k}", **_marker(rows))
    _finish(axis, f"{title}, recall in %", rows)
    axis.set_ylim(0, 114)  # room for the legend over a perfect score
    if rows:
        axis.set_yticks(range(0, 101, 20))
        axis.legend(frameon=False, fontsize=9, ncol=3, loc="upper left")


def _draw_rsum(axis, rows):
    steps, values = _series(rows, "rsum")
    axis.plot(steps, values, color=RECALLS[0][1], linewidth=1.6, **_marker(rows))
    finite = [(value, -step) for step, value in zip(steps, values) if math.isfinite(value)]
    title = "rsum"
    if finite:
        best, step = max(finite)
        axis.plot([-step], [best], "o", color="#16a054", markersize=7, gid="best")
        title = f"rsum, best {best:.1f} at step {-step:,}"
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
