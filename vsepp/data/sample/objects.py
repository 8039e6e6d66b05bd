"""The things in the scenes: one function for each kind, which draws it on a unit square.

A thing shows one colour with darker parts of the same hue, and wears a white rim like a
sticker, so that it stands out against every setting and its silhouette stays clear at
64 pixels. Drawn large once for each kind and colour, then scaled into the scenes.
"""

from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageFilter

from vsepp.data.sample.canvas import Canvas, shade

SPRITE_SIDE = 256
_RIM = 9  # pixels of a sprite


@dataclass(frozen=True)
class Paint:
    """A colour with the darker one of its parts in the shade."""

    base: tuple
    dark: tuple

    def shaded(self, amount):
        """From the colour itself (0) to its dark one (1)."""
        return tuple(round(b + (d - b) * amount) for b, d in zip(self.base, self.dark))


PAINTS = {
    "red": Paint((226, 34, 40), (158, 14, 30)),
    "orange": Paint((255, 134, 0), (214, 88, 0)),
    "yellow": Paint((255, 221, 30), (242, 186, 0)),
    "green": Paint((26, 162, 64), (10, 108, 48)),
    "blue": Paint((30, 96, 236), (16, 58, 164)),
    "purple": Paint((128, 40, 190), (82, 18, 132)),
    "pink": Paint((255, 128, 196), (230, 74, 154)),
    "white": Paint((247, 248, 251), (196, 203, 216)),
}
_INK = (44, 40, 58)
_CREAM = (255, 244, 220)
_BROWN = (124, 78, 46)
_GLASS = (188, 226, 244)
_LEAF = (70, 140, 60)


def _house(canvas, paint):
    canvas.box(0.68, 0.1, 0.79, 0.4, paint.shaded(1))
    canvas.box(0.13, 0.42, 0.87, 0.96, paint.base)
    canvas.polygon([(0.04, 0.46), (0.5, 0.05), (0.96, 0.46)], paint.shaded(1.0))
    canvas.box(0.42, 0.62, 0.6, 0.96, _BROWN, radius=0.03)
    for x in (0.2, 0.68):
        canvas.box(x, 0.56, x + 0.14, 0.72, _CREAM)
        canvas.line([(x + 0.07, 0.56), (x + 0.07, 0.72)], paint.shaded(1), 0.015)
        canvas.line([(x, 0.64), (x + 0.14, 0.64)], paint.shaded(1), 0.015)


def _car(canvas, paint):
    canvas.polygon([(0.2, 0.6), (0.31, 0.33), (0.68, 0.33), (0.83, 0.6)], paint.base)
    canvas.polygon([(0.27, 0.57), (0.35, 0.39), (0.48, 0.39), (0.48, 0.57)], _GLASS)
    canvas.polygon([(0.53, 0.57), (0.53, 0.39), (0.65, 0.39), (0.75, 0.57)], _GLASS)
    canvas.box(0.03, 0.55, 0.97, 0.84, paint.base, radius=0.09)
    canvas.box(0.03, 0.73, 0.97, 0.84, paint.shaded(0.9), radius=0.05)
    canvas.disc(0.92, 0.63, 0.04, _CREAM)
    for x in (0.26, 0.75):
        canvas.disc(x, 0.83, 0.13, _INK)
        canvas.disc(x, 0.83, 0.06, (206, 208, 216))


def _tree(canvas, paint):
    canvas.box(0.43, 0.78, 0.57, 0.97, _BROWN)
    for top, bottom, half, tone in ((0.42, 0.84, 0.4, 1), (0.24, 0.62, 0.32, 0.5)):
        canvas.polygon([(0.5 - half, bottom), (0.5, top), (0.5 + half, bottom)], paint.shaded(tone))
    canvas.polygon([(0.26, 0.4), (0.5, 0.04), (0.74, 0.4)], paint.base)


def _mushroom(canvas, paint):
    canvas.polygon([(0.38, 0.5), (0.62, 0.5), (0.7, 0.95), (0.3, 0.95)], _CREAM)
    canvas.polygon([(0.54, 0.5), (0.62, 0.5), (0.7, 0.95), (0.58, 0.95)], shade(_CREAM, 0.86))
    canvas.sector(0.5, 0.55, 0.46, 180, 360, paint.base, radius_y=0.48)
    canvas.disc(0.5, 0.55, 0.46, paint.shaded(0.9), radius_y=0.06)
    dots = paint.shaded(0.7) if min(paint.base) > 200 else (255, 250, 240)
    for x, y, radius in ((0.5, 0.22, 0.075), (0.27, 0.38, 0.06), (0.72, 0.37, 0.065)):
        canvas.disc(x, y, radius, dots)
    canvas.disc(0.5, 0.43, 0.045, dots)


def _umbrella(canvas, paint):
    canvas.line([(0.5, 0.05), (0.5, 0.86)], _INK, 0.035)
    hook = [(0.5, 0.86), (0.51, 0.91), (0.55, 0.94), (0.6, 0.94), (0.64, 0.91), (0.65, 0.86)]
    canvas.line(hook, _INK, 0.035)
    canvas.sector(0.5, 0.54, 0.46, 180, 360, paint.base, radius_y=0.44)
    canvas.sector(0.5, 0.54, 0.29, 180, 360, paint.shaded(0.9), radius_y=0.44)
    canvas.sector(0.5, 0.54, 0.12, 180, 360, paint.base, radius_y=0.44)
    for x, radius, tone in ((0.125, 0.085, 0), (0.295, 0.085, 1), (0.5, 0.12, 0)):
        for side in (x, 1 - x):
            canvas.disc(side, 0.545, radius, paint.shaded(tone), radius_y=0.05)


def _cat(canvas, paint):
    dark = paint.shaded(0.9)
    tail = [(0.66, 0.88), (0.82, 0.86), (0.89, 0.74), (0.86, 0.62), (0.88, 0.5)]
    canvas.line(tail, dark, 0.085)
    canvas.disc(0.88, 0.5, 0.042, dark)
    canvas.disc(0.45, 0.74, 0.27, paint.base, radius_y=0.23)
    for way in (-1, 1):
        ear = [(0.45 + way * x, y) for x, y in ((0.08, 0.2), (0.26, 0.03), (0.26, 0.34))]
        canvas.polygon(ear, paint.base)
        inner = [(0.45 + way * x, y) for x, y in ((0.13, 0.19), (0.23, 0.1), (0.23, 0.26))]
        canvas.polygon(inner, dark)
    canvas.disc(0.45, 0.37, 0.27, paint.base, radius_y=0.23)
    for x in (0.35, 0.55):
        canvas.disc(x, 0.35, 0.045, (255, 255, 255), radius_y=0.055)
        canvas.disc(x, 0.36, 0.026, _INK, radius_y=0.045)
    canvas.polygon([(0.42, 0.43), (0.48, 0.43), (0.45, 0.47)], _INK)
    for y in (0.0, 0.035):
        canvas.line([(0.22, 0.44 + y), (0.36, 0.46 + y / 2)], _INK, 0.01)
        canvas.line([(0.54, 0.46 + y / 2), (0.68, 0.44 + y)], _INK, 0.01)
    canvas.disc(0.45, 0.76, 0.13, shade(paint.base, 1.4), radius_y=0.15)
    for x in (0.34, 0.56):
        canvas.disc(x, 0.94, 0.09, dark, radius_y=0.04)


def _flower(canvas, paint):
    canvas.line([(0.5, 0.4), (0.5, 0.96)], _LEAF, 0.05)
    canvas.polygon([(0.5, 0.9), (0.28, 0.72), (0.22, 0.78), (0.34, 0.9)], _LEAF)
    canvas.polygon([(0.5, 0.84), (0.72, 0.68), (0.78, 0.74), (0.66, 0.84)], _LEAF)
    ring = ((0.0, -0.2), (0.19, -0.06), (0.12, 0.17), (-0.12, 0.17), (-0.19, -0.06))
    for dx, dy in ring:
        canvas.disc(0.5 + 1.04 * dx, 0.34 + 1.04 * dy, 0.145, paint.shaded(0.7))
    for dx, dy in ring:
        canvas.disc(0.5 + dx, 0.34 + dy, 0.125, paint.base)
    canvas.disc(0.5, 0.34, 0.1, (110, 66, 34))
    canvas.disc(0.5, 0.34, 0.06, (150, 96, 50))


def _balloon(canvas, paint):
    for x in (0.42, 0.58):
        canvas.line([(0.5 + 2.2 * (x - 0.5), 0.62), (x, 0.84)], _BROWN, 0.016)
    canvas.polygon([(0.17, 0.52), (0.83, 0.52), (0.6, 0.76), (0.4, 0.76)], paint.shaded(0.9))
    canvas.disc(0.5, 0.38, 0.36, paint.shaded(0.9), radius_y=0.34)
    canvas.disc(0.5, 0.38, 0.25, paint.base, radius_y=0.34)
    canvas.polygon([(0.265, 0.5), (0.735, 0.5), (0.56, 0.76), (0.44, 0.76)], paint.base)
    canvas.disc(0.5, 0.38, 0.1, paint.shaded(0.5), radius_y=0.34)
    canvas.polygon([(0.407, 0.5), (0.593, 0.5), (0.525, 0.76), (0.475, 0.76)], paint.shaded(0.5))
    canvas.box(0.39, 0.82, 0.61, 0.97, _BROWN, radius=0.03)
    canvas.box(0.37, 0.81, 0.63, 0.86, shade(_BROWN, 0.75), radius=0.02)


def _kite(canvas, paint):
    tail = [(0.42, 0.68), (0.46, 0.8), (0.58, 0.82), (0.64, 0.92), (0.78, 0.92)]
    canvas.line(tail, _INK, 0.018)
    for x, y in ((0.52, 0.81), (0.72, 0.92)):
        for way in (-1, 1):
            bow = [(x, y), (x + way * 0.07, y - 0.055), (x + way * 0.07, y + 0.055)]
            canvas.polygon(bow, paint.base)
    top, right, bottom, left, cross = (
        (0.6, 0.04),
        (0.9, 0.36),
        (0.42, 0.7),
        (0.14, 0.2),
        (0.52, 0.28),
    )
    canvas.polygon([top, right, bottom, left], paint.base)
    canvas.polygon([top, right, cross], paint.shaded(0.9))
    canvas.polygon([left, bottom, cross], paint.shaded(0.9))


def _rocket(canvas, paint):
    canvas.polygon([(0.4, 0.76), (0.6, 0.76), (0.5, 0.98)], (255, 150, 30))
    canvas.polygon([(0.44, 0.76), (0.56, 0.76), (0.5, 0.9)], (255, 226, 90))
    for way in (-1, 1):
        fin = [
            (0.5 + way * x, y) for x, y in ((0.12, 0.46), (0.33, 0.7), (0.33, 0.84), (0.12, 0.74))
        ]
        canvas.polygon(fin, paint.shaded(1))
    canvas.disc(0.5, 0.42, 0.19, paint.base, radius_y=0.4)
    canvas.box(0.37, 0.5, 0.63, 0.78, paint.base, radius=0.04)
    canvas.polygon([(0.35, 0.2), (0.5, 0.01), (0.65, 0.2)], paint.shaded(1))
    canvas.disc(0.5, 0.38, 0.1, (236, 240, 246))
    canvas.disc(0.5, 0.38, 0.07, (70, 140, 190))


def _butterfly(canvas, paint):
    dark = paint.shaded(1.0)
    for way in (-1, 1):
        canvas.line([(0.5, 0.24), (0.5 + way * 0.13, 0.07)], _INK, 0.02)
        canvas.disc(0.5 + way * 0.13, 0.07, 0.025, _INK)
        canvas.disc(0.5 + way * 0.2, 0.7, 0.18, dark, radius_y=0.2)
        wing = [
            (0.5 + way * x, y) for x, y in ((0.0, 0.55), (0.08, 0.28), (0.34, 0.1), (0.46, 0.16))
        ]
        wing += [(0.5 + way * x, y) for x, y in ((0.47, 0.34), (0.38, 0.54), (0.2, 0.6))]
        canvas.polygon(wing, paint.base)
        canvas.disc(0.5 + way * 0.35, 0.26, 0.13, paint.base)
        canvas.disc(0.5 + way * 0.31, 0.3, 0.07, shade(paint.base, 1.6))
        canvas.disc(0.5 + way * 0.2, 0.72, 0.07, shade(paint.base, 1.3))
    canvas.disc(0.5, 0.52, 0.045, _INK, radius_y=0.3)


def _bird(canvas, paint):
    dark = paint.shaded(1.0)
    canvas.polygon([(0.3, 0.58), (0.02, 0.5), (0.04, 0.74), (0.26, 0.68)], dark)
    canvas.polygon([(0.9, 0.5), (1.0, 0.56), (0.88, 0.6)], (240, 150, 30))
    canvas.disc(0.48, 0.62, 0.3, paint.base, radius_y=0.17)
    canvas.disc(0.77, 0.52, 0.15, paint.base)
    canvas.disc(0.82, 0.49, 0.03, _INK)
    canvas.polygon([(0.36, 0.6), (0.22, 0.1), (0.46, 0.2), (0.66, 0.58)], dark)
    canvas.polygon([(0.44, 0.62), (0.38, 0.2), (0.54, 0.3), (0.66, 0.6)], paint.shaded(0.5))


_DRAWERS = {
    "house": _house,
    "car": _car,
    "tree": _tree,
    "mushroom": _mushroom,
    "umbrella": _umbrella,
    "cat": _cat,
    "flower": _flower,
    "balloon": _balloon,
    "kite": _kite,
    "rocket": _rocket,
    "butterfly": _butterfly,
    "bird": _bird,
}


@cache
def sprite(kind, colour):
    """One thing with its white rim, as an RGBA image of ``SPRITE_SIDE`` pixels.

    Kept between calls; whoever changes it works on a copy.
    """
    canvas = Canvas(2 * (SPRITE_SIDE - 2 * _RIM), mode="RGBA")
    _DRAWERS[kind](canvas, PAINTS[colour])
    thing = Image.new("RGBA", (SPRITE_SIDE, SPRITE_SIDE))
    thing.paste(canvas.image.reduce(2), (_RIM, _RIM))
    rim = thing.getchannel("A").filter(ImageFilter.MaxFilter(_RIM))
    sticker = Image.new("RGBA", thing.size, (255, 255, 255, 0))
    sticker.putalpha(rim.filter(ImageFilter.GaussianBlur(0.8)))
    sticker.alpha_composite(thing)
    return sticker
