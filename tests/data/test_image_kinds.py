"""A file's content says what it is; what is not read is named, with what mends it."""

import sys

import numpy as np
import pytest
from PIL import Image, features

from vsepp.data import image_kinds
from vsepp.data.image_kinds import kind_of
from vsepp.data.images import image_size, open_image
from vsepp.system.errors import InputError

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(400)
HAS_AVIF = "avif" in features.modules and features.check_module("avif")


@pytest.fixture
def no_decoders(monkeypatch):
    """As where neither pillow-heif nor a Pillow of 11.3 is installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setitem(features.modules, "avif", ("PIL._no_such_module", None))
    image_kinds._heif_is_read.cache_clear()
    image_kinds._avif_is_read.cache_clear()
    yield
    image_kinds._heif_is_read.cache_clear()
    image_kinds._avif_is_read.cache_clear()


def box(major, *brands):
    content = major + bytes(4) + b"".join(brands)
    return (8 + len(content)).to_bytes(4, "big") + b"ftyp" + content + bytes(90)


@pytest.mark.parametrize(
    "head, kind",
    [
        (box(b"heic", b"mif1", b"heic"), "a HEIC photograph"),
        (box(b"mif1", b"mif1", b"heic"), "a HEIC photograph"),
        (box(b"mif1", b"mif1", b"avif"), "an AVIF photograph"),
        (box(b"mif1"), "a HEIF photograph"),
        (box(b"avis", b"avif"), "an AVIF photograph"),
        (box(b"qt  "), "a video"),
        (box(b"mp42"), "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "a video"),
        (box(b"crx "), "a camera's raw photograph"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL photograph"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\xff\xd8\xff\xe0", None),
        (b"", None),
        (b"\0\0\0\x18ftyp", "a video"),
    ],
)
def test_the_first_bytes_say_what_it_is(head, kind):
    assert kind_of(head) == kind


@pytest.mark.parametrize("name", ["a.HEIC", "a.heif", "a.jpg", "a.png"])
@pytest.mark.parametrize("read", [open_image, image_size])
def test_heic_is_named_whatever_its_suffix(tmp_path, no_decoders, name, read):
    (tmp_path / name).write_bytes(HEIC)

    with pytest.raises(InputError) as caught:
        read(tmp_path / name)

    assert str(caught.value) == (
        f"{tmp_path / name} is a HEIC photograph, which needs pillow-heif: run "
        "`pip install pillow-heif`, or export it as JPEG."
    )


def test_where_the_reader_installs_nothing_the_mend_is_another(tmp_path):
    (tmp_path / "a.jpg").write_bytes(HEIC)

    with pytest.raises(InputError, match="a HEIC photograph, which is not read: export it as JPEG"):
        open_image(tmp_path / "a.jpg", formats=("JPEG", "PNG"))


def test_avif_without_a_decoder_is_named(tmp_path, no_decoders):
    (tmp_path / "a.jpg").write_bytes(box(b"avif", b"mif1"))

    with pytest.raises(InputError, match="an AVIF photograph, .* run `pip install -U pillow`"):
        open_image(tmp_path / "a.jpg")


@pytest.mark.skipif(not HAS_AVIF, reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("name", ["a.avif", "a.jpg"])
def test_avif_is_read(tmp_path, name):
    Image.new("RGB", (40, 30), "green").save(tmp_path / name, "AVIF")

    image = open_image(tmp_path / name)

    assert (image.size, image.mode) == ((40, 30), "RGB")
    assert np.abs(np.subtract(image.getpixel((20, 15)), (0, 128, 0))).max() < 6


@pytest.mark.skipif(not HAS_AVIF, reason="this Pillow reads no AVIF")
def test_a_cut_avif_is_damaged(tmp_path):
    Image.effect_noise((80, 60), 90).convert("RGB").save(tmp_path / "a.avif")
    (tmp_path / "a.avif").write_bytes((tmp_path / "a.avif").read_bytes()[:300])

    with pytest.raises(InputError, match="a.avif is .*damaged"):
        open_image(tmp_path / "a.avif")


class TestWithPillowHeif:
    @pytest.fixture(autouse=True)
    def pillow_heif(self):
        return pytest.importorskip("pillow_heif")

    @pytest.mark.parametrize("name", ["a.HEIC", "a.jpg"])
    def test_heic_is_read(self, tmp_path, pillow_heif, name):
        picture = Image.new("RGB", (48, 32), "navy")
        picture.paste("red", (0, 0, 24, 32))
        pillow_heif.from_pillow(picture).save(tmp_path / "a.heic", quality=95)
        (tmp_path / "a.heic").rename(tmp_path / name)

        image = open_image(tmp_path / name, exif=True, at_least=8)

        assert (image.size, image.mode) == ((48, 32), "RGB")
        assert np.abs(np.subtract(image.getpixel((4, 16)), (255, 0, 0))).max() < 12
        assert image_size(tmp_path / name) == (48, 32)

    def test_it_is_turned_once(self, tmp_path, pillow_heif):
        picture = Image.new("RGB", (64, 32), "white")
        picture.paste("red", (0, 0, 32, 32))
        exif = Image.Exif()
        exif[0x0112] = 6
        heif = pillow_heif.from_pillow(picture)
        heif.save(tmp_path / "a.heic", quality=95, exif=exif.tobytes())

        image = open_image(tmp_path / "a.heic", exif=True)

        assert image.size == (32, 64)
        assert image.getpixel((16, 6))[1] < 60 < 200 < image.getpixel((16, 58))[1]

    @pytest.mark.parametrize("content", [HEIC, HEIC[:40]])
    def test_damage_is_told(self, tmp_path, content):
        (tmp_path / "a.heic").write_bytes(content)

        with pytest.raises(InputError, match="a.heic is .*damaged"):
            open_image(tmp_path / "a.heic")


def test_a_jpeg_named_png_and_a_png_named_heic_are_read(tmp_path):
    Image.new("RGB", (8, 6), "red").save(tmp_path / "a.png", "JPEG")
    Image.new("RGB", (8, 6), "red").save(tmp_path / "b.heic", "PNG")

    assert open_image(tmp_path / "a.png").size == open_image(tmp_path / "b.heic").size == (8, 6)
