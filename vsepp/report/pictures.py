"""Answers as pictures: the images a sentence found, the sentences an image found."""

import math
from pathlib import Path

from PIL import Image, ImageDraw, ImageOps

from vsepp.report.lettering import font_for, shorten, wrap
from vsepp.report.page import BAR, GREEN, GREY, INK, MARGIN, RADIUS, TILE, WIDTH, Page
from vsepp.system.atomic import atomic_path
from vsepp.system.errors import InputError

GAP = 18
LARGEST_TILE = 320
FRAME = 5

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}


def draw_text_answer(query, paths, scores, correct=None, columns=5):
    """The images that a sentence found, best first.

    Args:
        query: the sentence.
        paths: image files. One that cannot be read becomes a grey tile with its name.
        scores: one similarity per path.
        correct: optional booleans, one per path; the true ones are framed green.
        columns: the most thumbnails in one row.

    Returns:
        PIL.Image: RGB, 1,100 pixels wide.
    """
    _same_length(paths=paths, scores=scores, correct=correct)
    page = Page()
    _draw_found(page, query, paths, scores, correct, max(1, min(columns, len(paths))))
    _explain_frames(page, correct)
    return page.finish()


def draw_queries(rows):
    """Several sentences with the images each found, as one picture.

    Args:
        rows: ``(query, paths, scores)`` or ``(query, paths, scores, correct)`` each, as
            `draw_text_answer` takes them.

    Returns:
        PIL.Image: RGB, 1,100 pixels wide.
    """
    page = Page()
    rows = [(*row, None)[:4] for row in rows]
    columns = max(1, min(5, max((len(paths) for _, paths, _, _ in rows), default=1)))
    for number, (query, paths, scores, correct) in enumerate(rows):
        _same_length(paths=paths, scores=scores, correct=correct)
        if number:
            page.rule()
        _draw_found(page, query, paths, scores, correct, columns, heading=22)
    _explain_frames(page, *(correct for _, _, _, correct in rows))
    return page.finish()


def draw_image_answer(path, sentences, scores, originals=None, correct=None):
    """The sentences that an image found, best first, beside the image.

    Args:
        path: the image file.
        sentences: what was found.
        scores: one similarity per sentence; the bars run from zero (or from the lowest
            score, when that is negative) to the best one.
        originals: optional descriptions the data set gives for this image.
        correct: optional booleans, one per sentence; the true ones get green bars.

    Returns:
        PIL.Image: RGB, 1,100 pixels wide.
    """
    _same_length(sentences=sentences, scores=scores, correct=correct)
    page = Page()
    photo = fit_photograph(path, 420, 520)
    page.paste(photo, MARGIN, MARGIN)
    name, font = shorten(Path(path).name, 14, photo.width)
    page.write(name, font, MARGIN, MARGIN + photo.height + 10, GREY)
    photo_bottom = MARGIN + photo.height + 28

    left = MARGIN + 420 + 44
    width = WIDTH - MARGIN - left
    page.paragraph("Sentences found", 15, left, width, GREY, after=12)
    for rank, (sentence, score) in enumerate(zip(sentences, scores)):
        right = correct is not None and bool(correct[rank])
        page.paragraph(sentence, 19, left, width, INK, after=5)
        page.bar(left, width - 66, _fraction(score, scores), GREEN if right else BAR)
        page.write(_number(score), font_for("", 15), left + width, page.y + 3, GREY, "rm")
        page.y += 24
    if correct is not None and any(correct):
        page.legend(left, GREEN, "green: a description of this image")
    if originals:
        page.y += 12
        page.paragraph("Original descriptions", 15, left, width, GREY, after=8)
        for sentence in originals:
            page.paragraph(sentence, 16, left, width, GREY, after=5)
    page.y = max(page.y, photo_bottom)
    return page.finish()


def picture_format(path):
    """Pillow's name of the format that the suffix of ``path`` asks for.

    Raises:
        InputError: the suffix is none that `save_picture` writes.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(
            f"{path}: cannot write a picture with the suffix {suffix or '(none)'!r}; "
            f"choose one of {', '.join(FORMATS)}"
        )
    return FORMATS[suffix]


def check_destination(path, photograph=None):
    """InputError when no picture can be written to ``path``: as `picture_format`, or since it is
    the photograph that it is made of."""
    picture_format(path)
    there = photograph is not None and Path(path).exists() and Path(photograph).exists()
    if there and Path(path).samefile(photograph):
        raise InputError(
            f"{path} is the photograph itself: give another file, or it would be lost."
        )


def save_picture(image, path):
    """Write ``image`` atomically, in the format that the suffix of ``path`` names.

    Raises:
        InputError: the suffix is not .png, .jpg, .jpeg or .webp.
    """
    name = picture_format(path)
    options = {} if name == "PNG" else {"quality": 92}
    with atomic_path(path) as temporary:
        image.save(temporary, format=name, **options)


def _draw_found(page, query, paths, scores, correct, columns, heading=28):
    page.paragraph(query, heading, MARGIN, WIDTH - 2 * MARGIN, INK, after=14, max_lines=4)
    space = WIDTH - 2 * MARGIN + GAP
    size = min(LARGEST_TILE, space // columns - GAP)
    for rank, (path, score) in enumerate(zip(paths, scores)):
        row, column = divmod(rank, columns)
        x, y = MARGIN + column * (size + GAP), page.y + row * (size + 50)
        # The hairline keeps a photograph's white sky apart from the page.
        right = correct is not None and bool(correct[rank])
        frame, colour = (FRAME, GREEN) if right else (1, TILE)
        page.square(x - frame, y - frame, size + 2 * frame, RADIUS + frame, colour)
        page.paste(_thumbnail(path, size), x, y)
        page.write(str(rank + 1), font_for("", 17), x + 2, y + size + 10, INK)
        page.write(_number(score), font_for("", 15), x + size - 2, y + size + 11, GREY, "ra")
    page.y += math.ceil(len(paths) / columns) * (size + 50)
    if not len(paths):
        page.paragraph("No images.", 16, MARGIN, WIDTH, GREY, after=10)


def _explain_frames(page, *corrects):
    if any(correct is not None and any(correct) for correct in corrects):
        page.legend(MARGIN, GREEN, "green frame: the image this sentence describes")


def open_upright(path, at_least=None):
    """The upright RGB image, or None when it cannot be read.

    Args:
        path: the file.
        at_least: pixels of a side that are enough.
    """
    from vsepp.data.images import open_image

    try:
        return open_image(path, exif=True, at_least=at_least)
    except (InputError, OSError):
        return None


def _thumbnail(path, size):
    image = open_upright(path)
    if image is None:
        return _unreadable(path, size, size)
    return ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)


def fit_photograph(path, width, height):
    """The photograph, whole, within ``width`` × ``height``; a tile with its name where it cannot
    be read."""
    image = open_upright(path, 2 * max(width, height))
    if image is None:
        return _unreadable(path, width, width * 3 // 4)
    return whole_within(image, width, height)


def whole_within(image, width, height):
    """The picture, whole, made as large as fits ``width`` × ``height``; no side is below a pixel.

    ``ImageOps.contain`` rounds the short side of a strip to zero, which Pillow then refuses.
    """
    if image.width * height > image.height * width:
        size = (width, max(1, round(image.height / image.width * width)))
    else:
        size = (max(1, round(image.width / image.height * height)), height)
    return image.resize(size, Image.Resampling.LANCZOS)


def _unreadable(path, width, height):
    tile = Image.new("RGB", (width, height), TILE)
    draw = ImageDraw.Draw(tile)
    lines, font = wrap(Path(path).name, 14, width - 24, 4)
    y = height // 2 - 9 * (len(lines) + 1)
    draw.text((width // 2, y), "cannot be read", INK, font_for("", 14), "ma")
    for line in lines:
        y += 18
        draw.text((width // 2, y), line, GREY, font, "ma")
    return tile


def _number(score):
    return f"{float(score):.3f}"


def _fraction(score, scores):
    finite = [float(value) for value in scores if math.isfinite(value)]
    if not math.isfinite(score):
        return 0.0
    low, high = min(0.0, *finite), max(finite)
    return (float(score) - low) / (high - low) if high > low else 0.0


def _same_length(**sequences):
    lengths = {name: len(value) for name, value in sequences.items() if value is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"one entry per answer is needed, got {lengths}")
