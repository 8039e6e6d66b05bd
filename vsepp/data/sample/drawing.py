"""A scene becomes a picture: the setting, then the things in it, the nearest last."""

from functools import cache

from PIL import Image, ImageDraw, ImageFilter

from vsepp.data.sample.layout import place
from vsepp.data.sample.objects import sprite
from vsepp.data.sample.settings import paint_setting

IMAGE_SIDE = 224  # pixels
_TILT = 10  # degrees, up to which things in the air lean


@cache
def _shadow():
    """A soft dark ellipse, for the ground under things, as a mask."""
    mask = Image.new("L", (256, 64))
    ImageDraw.Draw(mask).ellipse((30, 14, 226, 50), fill=110)
    return mask.filter(ImageFilter.GaussianBlur(6))


def _paint_thing(picture, thing, rng):
    side = round(thing.side * IMAGE_SIDE)
    x, y = round(thing.x * IMAGE_SIDE), round(thing.y * IMAGE_SIDE)
    image = sprite(thing.group.kind, thing.group.colour)
    mirrored, lean = rng.random() < 0.5, rng.uniform(-_TILT, _TILT)
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if thing.group.flies:
        image = image.rotate(lean, resample=Image.Resampling.BICUBIC)
    else:
        shadow = _shadow().resize((side, max(4, side // 4)))
        picture.paste((20, 16, 30), (x, y + round(0.83 * side)), shadow)
    image = image.resize((side, side), resample=Image.Resampling.BICUBIC)
    picture.paste(image, (x, y), image)


def draw_picture(scene, rng):
    """A scene as an RGB image of ``IMAGE_SIDE`` pixels on each side."""
    picture = paint_setting(scene.setting, rng, IMAGE_SIDE)
    for thing in place(scene, rng):
        _paint_thing(picture, thing, rng)
    return picture
