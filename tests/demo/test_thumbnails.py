import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from vsepp.demo.thumbnails import SMALL, ThumbnailFolder, place_of


@pytest.fixture
def photograph(tmp_path):
    path = tmp_path / "photographs" / "a.png"
    path.parent.mkdir()
    Image.new("RGB", (900, 500), (10, 200, 20)).save(path)
    return path


def test_a_thumbnail_is_a_small_whole_jpeg(photograph, tmp_path):
    path = Path(ThumbnailFolder(tmp_path).path(photograph, 0))
    with Image.open(path) as thumbnail:
        assert thumbnail.format == "JPEG" and thumbnail.size == (SMALL[0], 222)
    assert tmp_path in path.parents


@pytest.mark.parametrize("size, small", [((1, 3000), (1, 300)), ((3000, 2), (400, 1))])
def test_a_strip_keeps_a_pixel_of_its_short_side(tmp_path, size, small):
    Image.new("RGB", size).save(tmp_path / "strip.png")
    with Image.open(ThumbnailFolder(tmp_path).path(tmp_path / "strip.png", 7)) as thumbnail:
        assert thumbnail.size == small


def test_it_is_made_once_and_counts_as_new_when_it_is_shown_again(photograph, tmp_path):
    thumbnails = ThumbnailFolder(tmp_path)
    path = Path(thumbnails.path(photograph, 0))
    path.write_bytes(b"as it was")
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        assert thumbnails.path(photograph, 0) == str(path)
    assert path.read_bytes() == b"as it was"


def test_it_is_made_again_when_it_was_deleted(photograph, tmp_path):
    thumbnails = ThumbnailFolder(tmp_path)
    path = Path(thumbnails.path(photograph, 0))
    path.unlink()
    path.parent.rmdir()
    assert thumbnails.path(photograph, 0) == str(path) and path.exists()


def test_a_photograph_that_cannot_be_read_gets_a_tile(tmp_path):
    (tmp_path / "broken.jpg").write_text("broken")
    thumbnails = ThumbnailFolder(tmp_path)
    names = ("broken.jpg", "gone.jpg")
    paths = {thumbnails.path(tmp_path / name, place) for place, name in enumerate(names)}
    assert len(paths) == 2 and all(Image.open(path).format == "JPEG" for path in paths)
    assert {place_of(os.path.basename(path)) for path in paths} == {0, 1}
    assert place_of("1.jpg.0a") is place_of("a.jpg") is None


def test_twenty_visitors_who_find_the_same_leave_one_file(photograph, tmp_path):
    (tmp_path / "shown").mkdir()
    thumbnails = ThumbnailFolder(tmp_path / "shown")
    with ThreadPoolExecutor(20) as pool:
        paths = set(pool.map(thumbnails.path, [photograph] * 40, [0] * 40))
    assert [str(path) for path in (tmp_path / "shown").rglob("*") if path.is_file()] == list(paths)
