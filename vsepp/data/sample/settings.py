"""The settings: one function each, which paints a whole background.

They differ in their overall colour as well as in what they show, and everything that
can vary (hills, clouds, sun, windows) does.
"""

import numpy as np

from vsepp.data.sample.canvas import Canvas, shade
from vsepp.data.sample.scene import pick


def _ridge(canvas, rng, height, swing, fill, waves=2.0, phases=None):
    """A range of soft hills whose crest swings around ``height``."""
    xs = np.linspace(0, 1, 60)
    first, second = rng.uniform(0, 2 * np.pi, 2) if phases is None else phases
    crest = height + swing * (
        0.65 * np.sin(waves * np.pi * xs + first) + 0.35 * np.sin(2.3 * waves * np.pi * xs + second)
    )
    canvas.polygon([(0, 1)] + list(zip(xs.tolist(), crest.tolist())) + [(1, 1)], fill)


def _cloud(canvas, x, y, size, fill):
    for dx, dy, radius in ((-0.55, 0.05, 0.3), (0, -0.1, 0.42), (0.5, 0.05, 0.32)):
        canvas.disc(x + dx * size, y + dy * size, radius * size, fill)
    canvas.box(x - 0.8 * size, y, x + 0.8 * size, y + 0.36 * size, fill, radius=0.18 * size)


def _clouds(canvas, rng, fill, lowest=0.3):
    for x in (rng.uniform(0.08, 0.42), rng.uniform(0.58, 0.92)):
        _cloud(canvas, x, rng.uniform(0.08, lowest), rng.uniform(0.07, 0.11), fill)


def _stars(canvas, rng, count, lowest):
    for x, y, glow in rng.uniform(0, 1, (count, 3)).tolist():
        canvas.disc(x, y * lowest, 0.002 + 0.003 * glow, shade((150, 160, 200), 1 + 0.8 * glow))


def _beach(canvas, rng):
    canvas.gradient((0, (92, 190, 245)), (0.45, (190, 232, 252)))
    canvas.disc(rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.2), 0.075, (255, 236, 140))
    _clouds(canvas, rng, (255, 255, 255))
    horizon = rng.uniform(0.38, 0.44)
    canvas.box(0, horizon, 1, 1, (24, 150, 190))
    canvas.box(0, horizon + 0.07, 1, 1, (40, 178, 205))
    shore = horizon + 0.17
    phases = rng.uniform(0, 2 * np.pi, 2)
    _ridge(canvas, rng, shore - 0.02, 0.022, (236, 250, 250), phases=phases)  # foam
    _ridge(canvas, rng, shore, 0.022, (246, 222, 165), phases=phases)
    _ridge(canvas, rng, 0.86, 0.03, (238, 208, 146))


def _peak(canvas, x, top, width, bottom, fill):
    canvas.polygon([(x - width, bottom), (x, top), (x + width, bottom)], fill)
    cap = 0.36 * (bottom - top)
    half = width * 0.36
    jagged = [(x + half, top + cap), (x + half / 2, top + 0.75 * cap), (x, top + cap)]
    jagged += [(x - half / 2, top + 0.75 * cap), (x - half, top + cap)]
    canvas.polygon([(x, top)] + jagged, (255, 255, 255))


def _snow(canvas, rng):
    canvas.gradient((0, (168, 200, 226)), (0.5, (226, 236, 244)))
    for left in (-0.05, 0.3, 0.65):
        x = left + rng.uniform(0.1, 0.3)
        grey = pick(rng, ((120, 146, 176), (136, 160, 188), (104, 132, 166)))
        _peak(canvas, x, rng.uniform(0.1, 0.26), rng.uniform(0.24, 0.34), 0.6, grey)
    _ridge(canvas, rng, 0.5, 0.03, (222, 234, 244))
    _ridge(canvas, rng, 0.62, 0.04, (236, 244, 250))
    _ridge(canvas, rng, 0.82, 0.03, (248, 251, 254))
    for x, y in rng.uniform(0, 1, (40, 2)).tolist():
        canvas.disc(x, y * 0.6, 0.006, (255, 255, 255))


def _night_city(canvas, rng):
    canvas.gradient((0, (12, 14, 48)), (0.6, (46, 44, 104)))
    _stars(canvas, rng, 40, 0.4)
    moon_x, moon_y = rng.uniform(0.15, 0.85), rng.uniform(0.08, 0.16)
    canvas.disc(moon_x, moon_y, 0.055, (246, 240, 205))
    canvas.disc(moon_x + 0.025, moon_y - 0.012, 0.045, (20, 21, 58))
    x = -0.02
    while x < 1:
        width = rng.uniform(0.1, 0.17)
        top = rng.uniform(0.2, 0.42)
        wall = pick(rng, ((28, 30, 66), (36, 34, 78), (24, 36, 72)))
        canvas.box(x, top, x + width, 0.65, wall)
        columns = int(width / 0.036)
        inset = (width - columns * 0.036) / 2 + 0.008
        for column in range(columns):
            for row in range(int((0.57 - top) / 0.045)):
                if rng.random() < 0.55:
                    left, upper = x + inset + column * 0.036, top + 0.02 + row * 0.045
                    canvas.box(left, upper, left + 0.02, upper + 0.024, (255, 214, 102))
        x += width + rng.uniform(0, 0.015)
    canvas.box(0, 0.58, 1, 1, (52, 52, 74))
    canvas.box(0, 0.58, 1, 0.61, (92, 92, 112))
    shift = rng.uniform(0, 0.2)
    for dash in range(-1, 6):
        left = dash * 0.2 + shift
        canvas.box(left, 0.785, left + 0.1, 0.8, (214, 206, 170))


def _meadow(canvas, rng):
    canvas.gradient((0, (120, 200, 250)), (0.5, (214, 240, 252)))
    _clouds(canvas, rng, (255, 255, 255))
    _ridge(canvas, rng, 0.44, 0.05, (142, 205, 98))
    _ridge(canvas, rng, 0.54, 0.05, (112, 190, 78))
    _ridge(canvas, rng, 0.74, 0.04, (88, 170, 62))
    for x, y in rng.uniform(0, 1, (26, 2)).tolist():
        y = 0.62 + 0.37 * y
        canvas.disc(x, y, 0.007, pick(rng, ((255, 255, 255), (255, 232, 120))))


def _cactus(canvas, x, base, size):
    green = (74, 134, 84)
    canvas.box(x - 0.1 * size, base - size, x + 0.1 * size, base, green, radius=0.1 * size)
    for way, low, high in ((-1, 0.35, 0.75), (1, 0.5, 0.88)):
        arm = x + way * 0.34 * size
        near, far = sorted((x, arm))
        canvas.box(near, base - (low + 0.14) * size, far, base - low * size, green)
        left, right = arm - 0.07 * size, arm + 0.07 * size
        canvas.box(left, base - high * size, right, base - low * size, green, radius=0.07 * size)


def _desert(canvas, rng):
    canvas.gradient((0, (250, 176, 92)), (0.55, (255, 224, 158)))
    canvas.disc(rng.uniform(0.15, 0.85), rng.uniform(0.14, 0.26), 0.09, (255, 246, 205))
    _ridge(canvas, rng, 0.5, 0.05, (226, 150, 84))
    _cactus(canvas, rng.uniform(0.06, 0.44), 0.6, rng.uniform(0.17, 0.24))
    _cactus(canvas, rng.uniform(0.56, 0.94), 0.6, rng.uniform(0.17, 0.24))
    _ridge(canvas, rng, 0.6, 0.045, (216, 134, 66), waves=1.5)
    _ridge(canvas, rng, 0.78, 0.05, (200, 116, 54), waves=1.5)


def _moon(canvas, rng):
    canvas.gradient((0, (4, 4, 12)), (0.6, (16, 16, 34)))
    _stars(canvas, rng, 90, 0.6)
    x, y = rng.uniform(0.15, 0.85), rng.uniform(0.13, 0.24)
    canvas.disc(x, y, 0.1, (52, 128, 206))  # the Earth
    canvas.disc(x - 0.03, y - 0.02, 0.038, (92, 176, 110), 0.048)
    canvas.disc(x + 0.04, y + 0.035, 0.03, (92, 176, 110), 0.025)
    canvas.box(x - 0.05, y - 0.075, x + 0.05, y - 0.06, (236, 244, 250), radius=0.008)
    _ridge(canvas, rng, 0.54, 0.03, (128, 130, 138))
    _ridge(canvas, rng, 0.64, 0.03, (158, 160, 168))
    for column in range(4):
        for near in (0, 1):
            x = 0.25 * column + rng.uniform(0.02, 0.23)
            y = rng.uniform(0.7, 0.78) if not near else rng.uniform(0.84, 0.95)
            radius = rng.uniform(0.025, 0.05) * (1 + 0.5 * near)
            canvas.disc(x, y, radius, (118, 120, 130), 0.36 * radius)
            canvas.disc(x, y + 0.1 * radius, 0.85 * radius, (138, 140, 150), 0.26 * radius)


def _autumn_forest(canvas, rng):
    canvas.gradient((0, (244, 214, 158)), (0.6, (250, 234, 196)))
    foliage = ((178, 66, 30), (204, 98, 34), (164, 82, 30), (190, 120, 40))
    for row, (base, size) in enumerate(((0.56, 0.9), (0.62, 1.1))):
        for column in range(6):
            x = (column + 0.5 * row) / 5.5 + rng.uniform(-0.03, 0.03)
            colour = shade(pick(rng, foliage), 1.15 if row == 0 else 1)
            canvas.box(x - 0.016, 0.2, x + 0.016, base, (94, 60, 40))
            top = rng.uniform(0.12, 0.22)
            for dx, dy, radius in ((-0.06, 0.05, 0.07), (0.06, 0.05, 0.07), (0, -0.03, 0.085)):
                canvas.disc(x + dx * size, top + dy * size, radius * size, colour)
    _ridge(canvas, rng, 0.56, 0.02, (150, 96, 52))
    _ridge(canvas, rng, 0.7, 0.03, (134, 80, 42))
    for x, y in rng.uniform(0, 1, (46, 2)).tolist():
        canvas.disc(x, 0.6 + 0.39 * y, 0.012, shade(pick(rng, foliage), 1.2), 0.007)


def _lake_at_sunset(canvas, rng):
    horizon = rng.uniform(0.45, 0.5)
    canvas.gradient(
        (0, (94, 60, 150)),
        (0.28, (214, 92, 152)),
        (horizon, (255, 170, 120)),
        (horizon + 0.01, (196, 104, 150)),
        (0.85, (74, 58, 134)),
    )
    x = rng.uniform(0.25, 0.75)
    canvas.sector(x, horizon, 0.13, 180, 360, (255, 226, 130))
    for left in (0.0, 0.3, 0.62):
        middle = left + rng.uniform(0.0, 0.3)
        top, width = rng.uniform(0.06, 0.14), rng.uniform(0.18, 0.3)
        canvas.sector(middle, horizon + 0.004, width, 180, 360, (104, 56, 122), top)
    for step in range(5):
        y = horizon + 0.03 + 0.035 * step
        half = rng.uniform(0.05, 0.13)
        canvas.box(x - half, y, x + half, y + 0.01, (255, 196, 140), radius=0.005)
    _ridge(canvas, rng, 0.7, 0.03, (62, 44, 92))


_PAINTERS = {
    "beach": _beach,
    "snow": _snow,
    "night city": _night_city,
    "meadow": _meadow,
    "desert": _desert,
    "moon": _moon,
    "autumn forest": _autumn_forest,
    "lake at sunset": _lake_at_sunset,
}


def paint_setting(setting, rng, side):
    """A background of ``side`` pixels as an RGB image, drawn at twice the size for smooth edges."""
    canvas = Canvas(2 * side)
    _PAINTERS[setting](canvas, rng)
    return canvas.image.reduce(2)
