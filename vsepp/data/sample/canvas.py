"""Pillow's drawing calls in fractions of the picture's side."""

import numpy as np
from PIL import Image, ImageDraw


def shade(colour, factor):
    """``colour`` darker (factor < 1) or nearer to white (factor > 1, up to 2)."""
    if factor <= 1:
        return tuple(int(channel * factor) for channel in colour)
    return tuple(int(channel + (255 - channel) * (factor - 1)) for channel in colour)


class Canvas:
    """A square picture of ``side`` pixels; (0, 0) is its upper left corner, (1, 1) the other."""

    def __init__(self, side, mode="RGB"):
        self.side = side
        self.image = Image.new(mode, (side, side))
        self._draw = ImageDraw.Draw(self.image)

    def _scaled(self, points):
        return [(x * self.side, y * self.side) for x, y in points]

    def gradient(self, *stops):
        """Fill the picture with colours from top to bottom: ``(height, colour)`` pairs."""
        heights = np.linspace(0, 1, self.side)
        rows = np.stack(
            [
                np.interp(heights, [stop[0] for stop in stops], [stop[1][c] for stop in stops])
                for c in range(3)
            ],
            axis=1,
        )
        pixels = np.broadcast_to(rows[:, None], (self.side, self.side, 3))
        self.image.paste(Image.fromarray(np.ascontiguousarray(pixels.round().astype(np.uint8))))

    def polygon(self, points, fill):
        self._draw.polygon(self._scaled(points), fill=fill)

    def disc(self, x, y, radius, fill, radius_y=None):
        radius_y = radius if radius_y is None else radius_y
        corners = self._scaled([(x - radius, y - radius_y), (x + radius, y + radius_y)])
        self._draw.ellipse(corners, fill=fill)

    def sector(self, x, y, radius, start, end, fill, radius_y=None):
        """A slice of a disc, from ``start`` to ``end`` degrees clockwise from the right."""
        radius_y = radius if radius_y is None else radius_y
        corners = self._scaled([(x - radius, y - radius_y), (x + radius, y + radius_y)])
        self._draw.pieslice(corners, start, end, fill=fill)

    def box(self, x0, y0, x1, y1, fill, radius=0.0):
        corners = self._scaled([(x0, y0), (x1, y1)])
        self._draw.rounded_rectangle(corners, radius=radius * self.side, fill=fill)

    def line(self, points, fill, width):
        pixels = max(1, round(width * self.side))
        self._draw.line(self._scaled(points), fill=fill, width=pixels, joint="curve")
