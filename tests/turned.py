"""Photographs as a telephone keeps them: lying, with a note of how they are to be turned."""

import numpy as np
from PIL import Image, ImageDraw

SKY, GRASS = (90, 160, 230), (40, 120, 20)
# what undoes each EXIF orientation's turn, as Pillow calls it
LAID = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def sky_above_grass(number=0, size=(48, 64)):
    """A picture that is upright; a tower stands left in it, higher with each number."""
    width, height = size
    image = Image.new("RGB", size, SKY)
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, height // 2, width, height], fill=GRASS)
    top = height // 2 - (number + 1) * height // 24
    draw.rectangle([width // 8, top, width // 4, height // 2], fill=(200, 60, 25 * number))
    return image


def save_lying(image, path, orientation=6):
    """Save an upright picture so that it is upright only once it is turned by EXIF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = image if orientation == 1 else image.transpose(LAID[orientation])
    options = {"quality": 95} if path.suffix in (".jpg", ".webp") else {}
    lying.save(path, exif=exif, **options)


def is_upright(pixels):
    """Whether sky is above and grass below in uint8 ``[height, width, 3]`` or a PIL image."""
    pixels = np.asarray(pixels).astype(int)
    middle = pixels.shape[1] // 2
    near = [abs(pixels[row, middle] - ink).max() < 30 for row, ink in ((2, SKY), (-3, GRASS))]
    return all(near)


def write_own(folder, size=(48, 64), large=None):
    """Eight photographs of a telephone and a table of their captions: (table, photographs).

    Args:
        large: size of the second, where it is another.
    """
    splits = ["train"] * 5 + ["val"] * 2 + ["test"]
    lines = ["filename,caption,split"]
    for number, split in enumerate(splits):
        picture = sky_above_grass(number, large if large and number == 1 else size)
        save_lying(picture, folder / "photos" / f"{number}.jpg")
        lines.append(f"{number}.jpg,blue sky above green grass number {number},{split}")
    (folder / "mine.csv").write_text("\n".join(lines) + "\n")
    return folder / "mine.csv", folder / "photos"
