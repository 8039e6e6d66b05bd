"""Any photograph becomes RGB; anything else becomes one sentence."""

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vsepp.data.images import image_size, map_images, open_image
from vsepp.data.transforms import CenterCrop
from vsepp.system.errors import InputError


def save(image, path, **options):
    image.save(path, **options)
    return path


def gradient(mode, size=(20, 12)):
    return Image.linear_gradient("L").resize(size).convert("RGB").convert(mode)


@pytest.mark.parametrize(
    "mode, suffix",
    [
        ("RGB", "png"),
        ("L", "png"),
        ("1", "png"),
        ("P", "png"),
        ("RGBA", "png"),
        ("LA", "png"),
        ("CMYK", "jpg"),
        ("L", "jpg"),
        ("RGB", "bmp"),
        ("P", "gif"),
        ("RGB", "webp"),
    ],
)
def test_every_mode_becomes_rgb(tmp_path, mode, suffix):
    expected = np.asarray(gradient("RGB"), np.int64)
    path = save(gradient(mode), tmp_path / f"picture.{suffix}")

    image = open_image(path)

    assert (image.mode, image.size) == ("RGB", (20, 12))
    tolerance = {"1": 100, "P": 20}.get(mode, 4)  # a black picture is 127 away
    assert np.abs(np.asarray(image, np.int64) - expected).mean() < tolerance


def test_transparency_is_dropped_and_the_colour_kept(tmp_path):
    path = save(Image.new("RGBA", (4, 3), (200, 10, 30, 0)), tmp_path / "clear.png")

    assert open_image(path).getpixel((1, 1)) == (200, 10, 30)


def test_the_colours_of_a_palette_are_looked_up(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([9, 8, 7, 200, 100, 50])
    image.putpixel((1, 0), 1)

    opened = open_image(save(image, tmp_path / "palette.png"))

    assert [opened.getpixel((x, 0)) for x in (0, 1)] == [(9, 8, 7), (200, 100, 50)]


def test_a_moving_gif_shows_its_first_picture(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    path = save(frames[0], tmp_path / "moving.gif", save_all=True, append_images=frames[1:])

    assert open_image(path).getpixel((0, 0)) == (255, 0, 0)


@pytest.fixture
def lying(tmp_path):
    """A photograph whose red left half an EXIF orientation turns to the top."""
    image = Image.new("RGB", (32, 16), "white")
    image.paste("red", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    return save(image, tmp_path / "lying.jpg", exif=exif, quality=95)


def test_orientation_is_ignored_in_data_sets(lying):
    image = open_image(lying)

    assert image.size == (32, 16)
    assert image.getpixel((3, 8))[1] < 60 < 200 < image.getpixel((28, 8))[1]


def test_orientation_is_applied_where_asked_for(lying):
    image = open_image(lying, exif=True)

    assert image.size == (16, 32) and image.mode == "RGB"
    assert image.getpixel((8, 3))[1] < 60 < 200 < image.getpixel((8, 28))[1]


def detailed(size):
    """Slow colours with fine texture on them, as photographs have."""
    width, height = size
    y, x = np.mgrid[:height, :width] / min(size)
    colours = np.stack([np.sin(5 * x + y), np.cos(4 * y - x), np.sin(9 * x * y)], -1)
    texture = np.random.default_rng(0).normal(size=(height, width, 1))
    return Image.fromarray((128 + 80 * colours + 12 * texture).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "size, decoded",
    [
        ((1600, 1040), (400, 260)),
        ((511, 801), (511, 801)),
        ((512, 801), (256, 401)),
        ((3000, 300), (3000, 300)),
        ((150, 200), (150, 200)),
    ],
)
def test_a_large_jpeg_is_decoded_no_larger_than_needed(tmp_path, size, decoded, mode):
    path = save(detailed(size).convert(mode), tmp_path / "large.jpg", quality=92)

    whole, less = open_image(path), open_image(path, at_least=256)

    assert (whole.size, less.size, less.mode) == (size, decoded, "RGB")
    crops = [CenterCrop(128, 112).pixels(image).astype(int) for image in (whole, less)]
    assert crops[1].shape == (112, 112, 3)
    assert np.abs(crops[0] - crops[1]).mean() < 1.5
    assert np.abs(crops[0] - crops[0].mean((0, 1))).mean() > 5  # which is no easy picture


def test_orientation_is_applied_to_what_is_decoded_smaller(tmp_path):
    image = Image.new("RGB", (1600, 1200), "white")
    image.paste("red", (0, 0, 800, 1200))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(image, tmp_path / "lying.jpg", exif=exif)

    image = open_image(path, exif=True, at_least=256)

    assert image.size == (300, 400)
    assert image.getpixel((150, 30))[1] < 60 < 200 < image.getpixel((150, 370))[1]


def test_what_a_telephone_makes_of_two_pictures_is_its_first(tmp_path):
    first, second = detailed((1200, 800)), Image.new("RGB", (600, 400), "blue")
    path = save(first, tmp_path / "two.jpg", format="MPO", save_all=True, append_images=[second])

    whole, less = open_image(path), open_image(path, exif=True, at_least=256)

    assert (whole.size, less.size) == ((1200, 800), (600, 400))
    crops = [CenterCrop(128, 112).pixels(image).astype(int) for image in (whole, less)]
    assert np.abs(crops[0] - crops[1]).mean() < 1.5


def test_only_jpegs_are_decoded_smaller_and_damage_is_still_told(tmp_path):
    picture = detailed((800, 600))
    assert open_image(save(picture, tmp_path / "a.png"), at_least=64).size == (800, 600)
    path = save(picture, tmp_path / "half.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(InputError, match=r"half\.jpg is damaged"):
        open_image(path, at_least=64)


def test_the_size_of_an_image_without_decoding_it(tmp_path):
    path = save(detailed((320, 200)), tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:2000])
    assert image_size(path) == (320, 200)

    with pytest.raises(InputError, match="none.jpg does not exist"):
        image_size(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(InputError, match="text.jpg is empty or not an image"):
        image_size(tmp_path / "text.jpg")


def test_an_open_file_will_do(tmp_path):
    data = save(gradient("RGB"), tmp_path / "a.png").read_bytes()

    assert open_image(io.BytesIO(data)).size == (20, 12)


def test_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="none.jpg does not exist"):
        open_image(tmp_path / "none.jpg")


def test_a_folder(tmp_path):
    with pytest.raises(InputError, match="is a folder, not an image"):
        open_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
@pytest.mark.parametrize("read", [open_image, image_size])
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(InputError, match="a.jpg is a pipe"):
        read(tmp_path / "a.jpg")


@pytest.mark.parametrize("content", [b"", b"GIF", b"<html>404</html>", bytes(5000)])
def test_an_empty_file_and_what_is_no_image(tmp_path, content):
    path = tmp_path / "not.jpg"
    path.write_bytes(content)

    with pytest.raises(InputError, match="not.jpg is empty or not an image"):
        open_image(path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(256, size=(60, 60, 3), dtype=np.uint8)
    path = save(Image.fromarray(noise), tmp_path / f"half.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(InputError, match=rf"half\.{suffix} is damaged \(.+\): replace the file"):
        open_image(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_picture_of_a_hundred_megapixels_is_refused(tmp_path):
    path = save(Image.new("1", (10_000, 10_000)), tmp_path / "huge.png")

    with pytest.raises(InputError, match="huge.png has 100 megapixels, more than the 89"):
        open_image(path)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, data):
        size, checksum = (struct.pack(">I", n) for n in (len(data), zlib.crc32(kind + data)))
        return size + kind + data + checksum

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )

    with pytest.raises(InputError, match="bomb.png has more than 89 megapixels"):
        open_image(path)


def test_a_png_can_be_opened_and_saved_after_paddle_was_imported_by_the_package(tmp_path):
    code = (
        "import sys, vsepp, paddle\n"
        "from PIL import Image\n"
        "Image.new('RGB', (40, 32), 'red').save(sys.argv[1])\n"
        "from vsepp.data.images import open_image\n"
        "print(open_image(sys.argv[1]).getpixel((0, 0)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(255, 0, 0)"


def test_results_come_in_order_however_long_each_takes():
    first_may_go = threading.Event()

    def work(number):
        if number == 0:
            assert first_may_go.wait(10)
        elif number == 1:
            first_may_go.set()
        return number * number

    assert list(map_images(work, range(40), threads=2)) == [n * n for n in range(40)]


def test_only_a_few_results_are_ahead_of_who_takes_them():
    started = []

    results = map_images(started.append, range(1000), threads=2)
    next(results)
    results.close()

    assert len(started) < 40


def test_a_failure_reaches_who_takes_the_results():
    def work(number):
        if number == 3:
            raise InputError("the third")
        return number

    results = map_images(work, range(10), threads=2)

    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError, match="the third"):
        next(results)


def test_no_program_is_started_for_an_image(tmp_path, monkeypatch):
    """Pillow has Ghostscript draw EPS, whatever the file is called."""
    import subprocess

    monkeypatch.setattr(subprocess, "Popen", None)
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 8)).save(path, "EPS")

    with pytest.raises(InputError, match="a.jpg is empty or not an image"):
        open_image(path)
