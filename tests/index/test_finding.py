"""Which files below a folder are photographs to index."""

import os

import pytest

from vsepp.index.finding import find_photographs


def make(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"12345")


def paths(folder, leave_out=()):
    found, refused = find_photographs(folder, leave_out)
    return [photograph.path for photograph in found], refused


def test_photographs_of_every_kind_are_found_at_any_depth(tmp_path):
    wanted = ["a.jpg", "b/c.JPEG", "b/d/e.Png", "f.webp", "g.BMP", "h.gif"]
    make(tmp_path, *wanted, "notes.txt", "movie.mp4", "jpg", "b/raw.cr2")
    found, refused = find_photographs(tmp_path)
    assert [photograph.path for photograph in found] == sorted(wanted) and not refused
    about = (tmp_path / "a.jpg").stat()
    assert found[0] == ("a.jpg", 5, about.st_mtime_ns)


def test_what_is_hidden_or_left_out_is_passed_over(tmp_path):
    make(tmp_path, "a.jpg", ".cache/b.jpg", "c/.d/e.jpg", "c/._f.jpg", "index/g.jpg")
    assert paths(tmp_path, [tmp_path / "index"])[0] == ["a.jpg"]


def test_a_folder_named_like_a_photograph_is_a_folder(tmp_path):
    make(tmp_path, "album.jpg/a.png")
    assert paths(tmp_path) == (["album.jpg/a.png"], [])


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
class TestLinks:
    def test_circles_end(self, tmp_path):
        make(tmp_path, "a.jpg", "b/c.jpg")
        (tmp_path / "b" / "up").symlink_to(tmp_path)
        (tmp_path / "aa").symlink_to(tmp_path / "b")
        (tmp_path / "b" / "self").symlink_to("self")
        found, refused = paths(tmp_path)
        assert found == ["a.jpg", "b/c.jpg"]

    def test_a_folder_elsewhere_is_followed(self, tmp_path):
        make(tmp_path, "photos/a.jpg", "disk/b.jpg", "disk/one.png")
        (tmp_path / "photos" / "more").symlink_to(tmp_path / "disk")
        (tmp_path / "photos" / "one.png").symlink_to(tmp_path / "disk" / "one.png")
        assert paths(tmp_path / "photos")[0] == ["a.jpg", "more/b.jpg", "more/one.png", "one.png"]

    def test_a_link_to_nothing_is_named(self, tmp_path):
        make(tmp_path, "a.jpg")
        (tmp_path / "b.jpg").symlink_to(tmp_path / "gone.jpg")
        found, refused = paths(tmp_path)
        assert found == ["a.jpg"]
        assert refused == [("b.jpg", "it does not exist, or is a link to nothing")]

    def test_a_pipe_is_named_and_not_opened(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.jpg")
        assert paths(tmp_path) == ([], [("pipe.jpg", "it is no ordinary file")])

    @pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads all")
    def test_a_folder_without_permission_is_named(self, tmp_path):
        make(tmp_path, "a.jpg", "closed/b.jpg")
        (tmp_path / "closed").chmod(0)
        try:
            found, refused = paths(tmp_path)
        finally:
            (tmp_path / "closed").chmod(0o700)
        assert found == ["a.jpg"] and refused[0][0] == "closed"
