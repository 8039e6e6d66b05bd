"""A page to draw on: colours, measures, and text, pictures and bars from top to bottom."""

import math

from PIL import Image, ImageDraw

from vsepp.report.lettering import font_for, wrap

WIDTH = 1100
MARGIN = 40
RADIUS = 10

WHITE = (255, 255, 255)
INK = (28, 30, 36)
GREY = (112, 117, 128)
TILE = (229, 231, 235)
BAR = (84, 124, 190)
TRACK = (236, 239, 244)
GREEN = (22, 160, 84)


class Page:
    """A white page that is drawn from top to bottom and grows as it is drawn on."""

    def __init__(self):
        self.y = MARGIN
        self._image = Image.new("RGB", (WIDTH, 1024), WHITE)

    def _draw(self, bottom):
        if bottom > self._image.height:
            taller = Image.new("RGB", (WIDTH, max(bottom, 2 * self._image.height)), WHITE)
            taller.paste(self._image)
            self._image = taller
        return ImageDraw.Draw(self._image)

    def write(self, text, font, x, y, colour, anchor="la"):
        self._draw(y + 2 * math.ceil(font.size)).text((x, y), text, colour, font, anchor)

    def paragraph(self, text, size, x, width, colour, after=0, max_lines=8):
        lines, font = wrap(text, size, width, max_lines)
        for line in lines:
            self.write(line, font, x, self.y, colour)
            self.y += round(1.32 * size)
        self.y += after

    def paste(self, image, x, y, radius=RADIUS):
        self._draw(y + image.height)
        self._image.paste(image, (x, y), rounded(image.size, radius))

    def square(self, x, y, size, radius, colour):
        self.paste(Image.new("RGB", (size, size), colour), x, y, radius)

    def bar(self, x, width, fraction, colour, height=7):
        """A track ``width`` long of which ``fraction`` is filled."""
        self.paste(Image.new("RGB", (width, height), TRACK), x, self.y, height // 2)
        filled = max(height, round(width * fraction))
        self.paste(Image.new("RGB", (filled, height), colour), x, self.y, height // 2)

    def legend(self, x, colour, text):
        self.square(x, self.y, 12, 3, colour)
        self.write(text, font_for(text, 14), x + 20, self.y + 6, GREY, "lm")
        self.y += 22

    def rule(self):
        self.y += 6
        self._draw(self.y + 1).line((MARGIN, self.y, WIDTH - MARGIN, self.y), TILE)
        self.y += 20

    def finish(self):
        bottom = self.y + MARGIN - 12
        self._draw(bottom)
        return self._image.crop((0, 0, WIDTH, bottom))


def rounded(size, radius):
    """A mask with rounded corners, drawn four times too large for smooth edges."""
    if min(size) <= 2 * radius:  # a strip has no room for them
        return Image.new("L", size, 255)
    mask = Image.new("L", (4 * size[0], 4 * size[1]), 0)
    box = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(box, 4 * radius, 255)
    return mask.resize(size, Image.Resampling.BOX)
