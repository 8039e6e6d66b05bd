"""Grey of more than 8 bits is seen whole: by its own range, as 8 bits."""

import numpy as np
import pytest
from PIL import Image

from vsepp.data.images import open_image


def ramp(low, high, dtype, size=(90, 120)):
    return np.tile(np.linspace(low, high, size[1]).astype(dtype), (size[0], 1))


def levels(path):
    """uint8 ``[height, width]`` of a grey picture as it is opened."""
    image = np.asarray(open_image(path))
    assert (image == image[..., :1]).all()
    return image[..., 0]


@pytest.mark.parametrize(
    "values, suffix",
    [
        (ramp(2_000, 60_000, np.uint16), "png"),
        (ramp(2_000, 60_000, np.uint16), "tif"),
        (ramp(0, 4_095, np.uint16), "png"),  # 12 bits of a camera
        (ramp(-(2**31), 2**31 - 1, np.int32), "tif"),
        (ramp(0, 1, np.float32), "tif"),
        (ramp(-3e38, 3e38, np.float32), "tif"),
    ],
)
def test_a_gradient_goes_from_black_to_white(tmp_path, values, suffix):
    path = tmp_path / f"deep.{suffix}"
    Image.fromarray(values).save(path)

    found = levels(path)

    exact = values.astype(np.float64)
    expected = 255 * (exact - exact.min()) / np.ptp(exact)
    assert (found.min(), found.max()) == (0, 255)
    np.testing.assert_allclose(found, expected, atol=1)
    assert len(np.unique(found)) > 100


def test_a_portable_grey_map_of_16_bits(tmp_path):
    values = ramp(500, 40_000, np.uint16)
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 120 90 65535\n" + values.astype(">u2").tobytes())

    assert (levels(path)[0, [0, 60, -1]] == [0, 129, 255]).all()


def test_what_is_no_number_is_black_and_infinity_is_the_end_of_the_range(tmp_path):
    values = ramp(0, 10, np.float32)
    values[0, 60], values[1, 60], values[2, 60] = np.nan, np.inf, -np.inf
    Image.fromarray(values).save(tmp_path / "deep.tif")

    found = levels(tmp_path / "deep.tif")

    assert found[:4, 60].tolist() == [0, 255, 0, 129]
    assert (found[4:, [0, -1]] == [0, 255]).all()


@pytest.mark.parametrize(
    "values",
    [
        np.full((4, 5), 0, np.uint16),
        np.full((4, 5), 65_535, np.uint16),
        np.full((4, 5), np.nan, np.float32),
        np.full((4, 5), np.inf, np.float32),
    ],
)
def test_a_picture_that_is_the_same_everywhere_is_grey(tmp_path, values):
    Image.fromarray(values).save(tmp_path / "same.tif")

    assert (levels(tmp_path / "same.tif") == 128).all()


def test_colours_of_16_bits_are_pillows_own(tmp_path):
    """PNG of three times 16 bits, which Pillow reads and does not write."""
    import struct
    import zlib

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = b"\0" + np.array([[65_535, 0, 0], [32_768, 257, 0]], ">u2").tobytes()
    path = tmp_path / "colour.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(row))
        + chunk(b"IEND", b"")
    )

    assert [open_image(path).getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (128, 1, 0)]


def test_orientation_is_applied_to_it(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(ramp(0, 9_000, np.uint16)).save(tmp_path / "turned.png", exif=exif)

    image = np.asarray(open_image(tmp_path / "turned.png", exif=True))
    assert (image[0, [0, -1], 0] == [255, 0]).all()
