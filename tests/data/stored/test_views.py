"""Views of a photograph: its mirror image, and crops that follow from number and position."""

import numpy as np
import pytest
from PIL import Image

from vsepp.data.preprocessing import Preprocessing
from vsepp.data.stored.views import mirrored, random_box, view_pixels

STEPS = Preprocessing(40, 32)


@pytest.fixture(scope="module")
def photograph():
    noise = np.random.default_rng(0).integers(256, size=(50, 70, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def test_the_first_views_are_the_plain_photograph_and_its_mirror_image(photograph):
    plain = STEPS.center_crop().pixels(photograph)

    assert np.array_equal(view_pixels(STEPS, photograph, 0, 5), plain)
    assert np.array_equal(view_pixels(STEPS, photograph, 1, 5), plain[:, ::-1])
    assert np.array_equal(mirrored(mirrored(plain)), plain)


def test_further_views_follow_from_their_number_and_the_position_alone(photograph):
    seen = {
        (view, position): view_pixels(STEPS, photograph, view, position).tobytes()
        for view in (2, 3, 4)
        for position in range(4)
    }

    np.random.seed(1)  # which no view looks at
    for (view, position), pixels in seen.items():
        again = view_pixels(STEPS, photograph, view, position)
        assert again.shape == (32, 32, 3) and again.dtype == np.uint8
        assert again.tobytes() == pixels
    assert len(set(seen.values())) == len(seen)


def test_half_of_the_crops_are_mirrored():
    """Told by a picture that gets brighter to the right."""
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None] * 5, 40, 0).repeat(3, 2)
    picture = Image.fromarray(ramp)

    seen = [view_pixels(STEPS, picture, 2, position)[16, :, 0] for position in range(200)]

    turned = sum(int(row[0]) > int(row[-1]) for row in seen)
    assert 70 < turned < 130


@pytest.mark.parametrize("size", [(224, 224), (341, 256), (256, 341)])
def test_crops_have_the_area_and_the_sides_that_are_said(size):
    width, height = size
    generator = np.random.default_rng(0)
    boxes = [random_box(width, height, generator) for _ in range(500)]

    areas = []
    for left, top, right, bottom in boxes:
        assert 0 <= left < right <= width and 0 <= top < bottom <= height
        across, down = right - left, bottom - top
        areas.append(across * down / (width * height))
        assert 0.74 < across / down < 1.35
    assert 0.59 < min(areas) < 0.63 and 0.9 < max(areas) <= 1


@pytest.mark.parametrize("size, expected", [((400, 30), (180, 0, 220, 30)), ((3, 90), None)])
def test_of_a_long_photograph_the_largest_crop_at_its_centre_is_seen(size, expected):
    box = random_box(*size, np.random.default_rng(0))

    assert box == (expected or (0, 43, 3, 47))


def test_a_crop_may_show_what_the_centre_does_not():
    """The photograph's borders, which the plain view cuts off."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :8] = pixels[:, -8:] = 255
    picture = Image.fromarray(pixels)
    assert view_pixels(STEPS, picture, 0, 0).max() == 0

    assert any(view_pixels(STEPS, picture, 2, position).max() > 128 for position in range(20))
