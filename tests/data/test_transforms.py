"""The preprocessing is torchvision's and Paddle's."""

from pathlib import Path

import numpy as np
import pytest
from paddle.vision import transforms as paddle_transforms
from PIL import Image

from vsepp.data import transforms
from vsepp.data.images import open_image
from vsepp.data.transforms import (
    MEAN,
    STD,
    CenterCrop,
    RandomCrop,
    kept_size,
    normalize,
    resize,
    resized_size,
)

GOLDEN = Path(__file__).parents[1] / "golden"
PHOTOGRAPHS = sorted(path.name for path in (GOLDEN / "preprocess").iterdir())
SIZES = [(500, 375), (375, 500), (256, 256), (257, 333), (90, 121), (300, 256), (1000, 257)]


def noise(size):
    width, height = size
    pixels = np.random.default_rng(width).integers(256, size=(height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def paddle_steps(*crop):
    return paddle_transforms.Compose(
        [
            paddle_transforms.Resize(256),
            *crop,
            paddle_transforms.ToTensor(),
            paddle_transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
        ]
    )


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_equal_to_torchvision(name):
    golden = np.load(GOLDEN / "torchvision_preprocess.npz")

    result = CenterCrop()(open_image(GOLDEN / "preprocess" / name))

    assert result.dtype == np.float32 and list(result.shape) == golden[f"{name}/shape"].tolist()
    assert np.abs(result[:, ::7, ::7] - golden[f"{name}/sample"]).max() < 1e-5
    assert np.abs(result.mean((1, 2)) - golden[f"{name}/mean"]).max() < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_the_centre_crop_equals_paddles(size):
    image = noise(size)

    expected = paddle_steps(paddle_transforms.CenterCrop(224))(image).numpy()

    assert np.abs(CenterCrop()(image) - expected).max() < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_a_random_crop_is_a_window_of_paddles_resized_image(size):
    image = noise(size)
    whole = paddle_steps()(image).numpy()

    result = RandomCrop()(image, np.random.default_rng(3))

    windows = [
        (top, left)
        for top in range(whole.shape[1] - 223)
        for left in range(whole.shape[2] - 223)
        if np.abs(whole[:, top : top + 3, left : left + 3] - result[:, :3, :3]).max() < 1e-5
    ]
    assert any(
        np.abs(whole[:, top : top + 224, left : left + 224] - result).max() < 1e-5
        for top, left in windows
    )


def test_random_crops_reach_every_corner_and_follow_from_the_generator():
    pixels = np.zeros((8, 7, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(7)[None, :], np.arange(8)[:, None]
    crop = RandomCrop(resize=7, image_size=5)

    corners = [
        crop.pixels(Image.fromarray(pixels), np.random.default_rng(seed))[0, 0, :2].tolist()
        for seed in range(200)
    ]
    again = [
        crop.pixels(Image.fromarray(pixels), np.random.default_rng(seed))[0, 0, :2].tolist()
        for seed in range(200)
    ]

    assert corners == again
    assert {tuple(corner) for corner in corners} == {(x, y) for x in range(3) for y in range(4)}


def test_without_a_generator_crops_differ():
    image = noise((400, 300))

    crops = {RandomCrop(300, 100).pixels(image).tobytes() for _ in range(10)}

    assert len(crops) > 1


@pytest.mark.parametrize(
    "size, expected",
    [
        ((500, 375), (341, 256)),
        ((375, 500), (256, 341)),
        ((90, 120), (256, 341)),
        ((256, 999), (256, 999)),
        ((257, 257), (256, 256)),
    ],
)
def test_the_shorter_side_is_resized_and_the_longer_rounded_down(size, expected):
    assert resize(Image.new("RGB", size), 256).size == expected


@pytest.mark.parametrize("size", [(1, 60000), (60001, 1), (3, 20000)])
def test_of_a_line_of_pixels_the_middle_is_resized(size):
    image = Image.new("RGB", size)
    middle = [side // 2 for side in size]
    image.putpixel(middle, (255, 0, 0))

    whole = resize(image, 256)

    assert max(whole.size) <= 51 * 256 and min(whole.size) == 256
    assert whole.size == resized_size(*size, 256)
    assert CenterCrop().pixels(image)[..., 0].max() > 200
    assert resize(image, 256, square=True).size == (256, 256)
    assert RandomCrop().pixels(image).shape == (224, 224, 3)


@pytest.mark.parametrize("size", [(2, 301), (402, 3), (1, 51), (8, 512)])
def test_the_ends_that_are_left_out_are_none_that_the_centre_crop_sees(size, monkeypatch):
    image = noise(size)
    crop = CenterCrop(resize=8, image_size=7)

    found = crop.pixels(image)
    monkeypatch.setattr(transforms, "_LONGEST", 10**6)

    assert np.array_equal(found, crop.pixels(image))


def test_up_to_fifty_times_as_long_as_wide_all_of_an_image_is_resized():
    assert kept_size(4, 200) == (4, 200) and kept_size(200, 4) == (200, 4)
    assert kept_size(4, 202) == (4, 200) and kept_size(201, 4) == (201, 4)
    assert kept_size(1, 60000, square=True) == (1, 60000)


def test_normalisation_by_hand():
    pixels = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)  # one row of two pixels

    result = normalize(pixels)

    assert result.shape == (3, 1, 2) and result.dtype == np.float32
    assert result[:, 0, 0] == pytest.approx(-MEAN / STD)
    assert result[:, 0, 1] == pytest.approx((1 - MEAN) / STD)


def test_a_batch_is_normalised_like_its_images():
    pixels = np.random.default_rng(0).integers(256, size=(2, 4, 5, 3), dtype=np.uint8)

    assert np.array_equal(normalize(pixels), np.stack([normalize(one) for one in pixels]))


@pytest.mark.parametrize("size", SIZES)
def test_crops_of_an_image_resized_before_are_those_of_the_image(size):
    image = noise(size)
    resized = np.asarray(resize(image, 256))

    assert np.array_equal(CenterCrop()(resized), CenterCrop()(image))
    for seed in range(3):
        found, expected = (
            RandomCrop(normalized=False)(picture, np.random.default_rng(seed))
            for picture in (resized, image)
        )
        assert found.dtype == np.uint8 and found.shape == (224, 224, 3)
        assert np.array_equal(found, expected)


def test_a_crop_that_is_not_normalised_is_the_pixels():
    image = noise((300, 400))

    found = CenterCrop(normalized=False)(image)

    assert found.dtype == np.uint8 and np.array_equal(found, CenterCrop().pixels(image))
    assert np.array_equal(normalize(found), CenterCrop()(image))
