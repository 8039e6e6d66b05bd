import os

import pytest
from PIL import Image

from vsepp.demo.limits import (
    MAX_ASPECT,
    MAX_BYTES,
    check_count,
    check_sentence,
    open_upload,
    read_labels,
    uploaded_file,
)
from vsepp.system.errors import InputError


def test_a_sentence_is_one_line_of_printable_text():
    assert check_sentence("  two\tdogs\n in the\u2028snow\x00\ud800 ") == "two dogs in the snow"
    assert check_sentence("两只狗") == "两只狗"


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "nothing to look for"),
        (" \n\x00", "nothing to look for"),
        (None, "nothing"),
        (["a"], "nothing"),
        ("word " * 10_000, "10000 words"),
        ("w" * 301, "301 characters"),
    ],
)
def test_sentences_that_are_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        check_sentence(text)


def test_labels_stand_on_lines_or_between_commas():
    assert read_labels("dog, cat\n\nred  car,dog\u3001鸟\uff0c") == ["dog", "cat", "red car", "鸟"]


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "at least two"),
        ("dog, dog", "at least two"),
        (None, "at least two"),
        (",".join(map(str, range(31))), "31 labels"),
        ("dog,\n" + "c" * 61, "61 characters"),
        ("a," * 100_000, "200000 characters"),
    ],
)
def test_labels_that_are_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        read_labels(text)


def test_a_number_of_answers_is_a_whole_number_in_its_range():
    assert check_count(1) == 1 and check_count(50.0) == 50
    for count in (0, 51, -1, 2.5, float("nan"), float("inf"), "5", None, True, [5]):
        with pytest.raises(InputError, match="from 1 to 50"):
            check_count(count)


def test_only_what_lies_among_the_uploads_is_opened(tmp_path):
    uploads, secret = tmp_path / "uploads", tmp_path / "secret.png"
    (uploads / "ab").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(secret)
    (uploads / "ab" / "mine.png").write_bytes(secret.read_bytes())
    mine = str(uploads / "ab" / "mine.png")
    assert uploaded_file({"path": mine}, str(uploads)) == os.path.realpath(mine)
    (uploads / "link.png").symlink_to(secret)
    for path in (
        str(secret),
        str(uploads / "ab" / ".." / ".." / "secret.png"),
        "/etc/passwd",
        str(uploads / "link.png"),
        "secret.png",
        "http://example.com/a.png",
        "a\0b",
        3,
        None,
        str(uploads) + "_2/a.png",
    ):
        with pytest.raises(InputError, match="no uploaded picture"):
            uploaded_file({"path": path}, str(uploads))
    for upload in ("/etc/passwd", ["a"], {}):
        with pytest.raises(InputError, match="no uploaded picture"):
            uploaded_file(upload, str(uploads))
    with pytest.raises(InputError, match="There is no picture"):
        uploaded_file(None, str(uploads))


def test_a_pictures_content_decides_what_it_is(tmp_path):
    path = tmp_path / "picture.txt"
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF"):
        Image.new("RGB", (30, 20)).save(path, kind)
        assert open_upload(path).size == (30, 20)
    for content in (b"", b"only text", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"):
        path.with_suffix(".jpg").write_bytes(content)
        with pytest.raises(InputError, match="^The picture is empty or not an image"):
            open_upload(path.with_suffix(".jpg"))
    Image.new("RGB", (30, 20)).save(path, "TIFF")
    with pytest.raises(InputError, match="not an image"):
        open_upload(path)


def test_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(tmp_path / "turned.jpg", exif=exif)
    assert open_upload(tmp_path / "turned.jpg").size == (20, 30)


def test_pictures_that_are_too_large_too_long_damaged_or_gone(tmp_path):
    path = tmp_path / "a.png"
    Image.new("L", (10_000, 10_000)).save(path)
    with pytest.raises(InputError, match="^The picture has 100 megapixels"):
        open_upload(path)
    Image.new("L", (8 * MAX_ASPECT, 8)).save(path)
    open_upload(path)
    Image.new("L", (8, 8 * MAX_ASPECT + 1)).save(path)
    with pytest.raises(InputError, match="8 × 81 pixels"):
        open_upload(path)
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match="^The picture is damaged"):
        open_upload(path)
    with open(path, "wb") as file:
        file.truncate(MAX_BYTES + 2**20)
    with pytest.raises(InputError, match="21 MB"):
        open_upload(path)
    path.unlink()
    with pytest.raises(InputError, match="upload it again"):
        open_upload(path)
    with pytest.raises(InputError, match="no uploaded picture"):
        open_upload(tmp_path)
