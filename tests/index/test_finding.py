"""Which files below a folder are photographs to index."""

import os

import pytest

from vsepp.index.choosing import Choice, patterns
from vsepp.index.finding import find_photographs
from vsepp.index.folders import Folder, arrange, file_of, name_of


def make(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"12345")


def find(folder, leave_out=(), **choice):
    return find_photographs([Folder("", str(folder))], leave_out, Choice(**choice))


def paths(folder, leave_out=(), **choice):
    found = find(folder, leave_out, **choice)
    return [photograph.path for photograph in found.photographs], found.refused


def test_photographs_of_every_kind_are_found_at_any_depth(tmp_path):
    wanted = ["a.jpg", "b/c.JPEG", "b/d/e.Png", "f.webp", "g.BMP", "h.gif"]
    make(tmp_path, *wanted, "notes.txt", "movie.mp4", "jpg", "b/raw.cr2")
    found = find(tmp_path)
    assert [photograph.path for photograph in found.photographs] == sorted(wanted)
    assert not found.refused
    about = (tmp_path / "a.jpg").stat()
    assert found.photographs[0] == ("a.jpg", 5, about.st_mtime_ns)


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


def test_every_suffix_of_a_photograph_is_a_candidate(tmp_path):
    suffixes = ".jpg .JPEG .jpe .jfif .png .webp .bmp .gif .tif .tiff .ppm .pgm .avif .heic .HEIF"
    wanted = [f"a{suffix}" for suffix in suffixes.split()]
    make(tmp_path, *wanted)
    assert paths(tmp_path) == (sorted(wanted), [])


def sums_up(found):
    parts = (found.other_kinds, found.by_name, found.excluded)
    listed = len(found.photographs) + len(found.refused)
    return listed + sum(sum(part.values()) for part in parts) == found.files


def test_what_is_passed_over_is_counted_by_suffix_and_by_name(tmp_path):
    make(tmp_path, "a.jpg", "b.mp4", "c/d.MP4", "e.txt", "f", "g. with no suffix", ".h", ".i.jpg")
    make(
        tmp_path, "@eaDir/a.jpg/THUMB.jpg", "@eaDir/x", "c/@eaDir/y.jpg", "Thumbs.db", "#recycle/z"
    )
    make(tmp_path, ".git/a/b", ".git/c")
    found = find(tmp_path)
    assert [photograph.path for photograph in found.photographs] == ["a.jpg"]
    assert found.other_kinds == {".mp4": 2, ".txt": 1, "": 2}
    assert found.by_name == {"": 2, "@eaDir/": 3, "Thumbs.db": 1, "#recycle/": 1, ".git/": 2}
    assert found.files == 15 and sums_up(found)


@pytest.mark.parametrize(
    "pattern, left",
    [
        ("raw", ["a.jpg", "b/c.JPG", "b/e.png"]),
        ("RAW/", ["a.jpg", "b/c.JPG", "b/e.png"]),
        ("*.jpg", ["b/e.png"]),
        ("b/raw", ["a.jpg", "b/c.JPG", "b/e.png", "raw/f.jpg"]),
        ("b/*.jpg", ["a.jpg", "b/e.png", "raw/f.jpg"]),
        ("./b", ["a.jpg", "raw/f.jpg"]),
        ("**/c.*", ["a.jpg", "b/e.png", "b/raw/d.jpg", "raw/f.jpg"]),
        ("ra", ["a.jpg", "b/c.JPG", "b/e.png", "b/raw/d.jpg", "raw/f.jpg"]),
    ],
)
def test_what_a_pattern_excludes_is_counted(tmp_path, pattern, left):
    make(tmp_path, "a.jpg", "b/c.JPG", "b/raw/d.jpg", "b/e.png", "raw/f.jpg")
    found = find(tmp_path, exclude=patterns([pattern]))
    assert [photograph.path for photograph in found.photographs] == left
    assert list(found.excluded.values()) == [5 - len(left)] and found.files == 5


def test_a_pattern_fits_every_unicode_form_of_a_letter(tmp_path):
    make(tmp_path, "cafe\u0301/a.jpg", "b.jpg")
    assert paths(tmp_path, exclude=("caf\xe9",))[0] == ["b.jpg"]


def test_what_a_name_keeps_out_comes_in_when_asked_for(tmp_path):
    make(tmp_path, "a.jpg", "@eaDir/b.jpg", "#recycle/c.jpg", ".d.jpg", "@eaDir/.e.jpg")
    assert paths(tmp_path, include=("@eadir",))[0] == ["@eaDir/b.jpg", "a.jpg"]
    found = find(tmp_path, include=("@eaDir", ".*"))
    assert [photograph.path for photograph in found.photographs] == [
        *(".d.jpg", "@eaDir/.e.jpg", "@eaDir/b.jpg", "a.jpg")
    ]
    assert found.by_name == {"#recycle/": 1}
    assert find(tmp_path, include=("@eaDir", "a.jpg", "no")).unused_includes == {"a.jpg", "no"}


class TestSeveralFolders:
    def found(self, *folders, leave_out=(), **choice):
        choice = Choice(**choice)
        arranged = arrange(map(str, folders), (), choice)
        found = find_photographs(arranged, leave_out, choice)
        for photograph in found.photographs:
            path = file_of(arranged, photograph.path)
            assert os.path.isfile(path) and name_of(arranged, path) == photograph.path
        assert sums_up(found)
        return [photograph.path for photograph in found.photographs]

    def test_each_photographs_name_begins_with_its_folders(self, tmp_path):
        make(tmp_path, "one/a.jpg", "one/b/c.jpg", "two/a.jpg", "two/one/a.jpg")
        assert self.found(tmp_path / "two", tmp_path / "one") == [
            *("one/a.jpg", "one/b/c.jpg", "two/a.jpg", "two/one/a.jpg")
        ]

    def test_patterns_fit_names_as_answers_print_them(self, tmp_path):
        make(tmp_path, "one/raw/a.jpg", "one/b.jpg", "two/raw/a.jpg", "two/@eaDir/c.jpg")
        given = [tmp_path / "one", tmp_path / "two"]
        assert self.found(*given, exclude=("one/raw",), include=("two/@eaDir",)) == [
            *("one/b.jpg", "two/@eaDir/c.jpg", "two/raw/a.jpg")
        ]

    def test_folders_of_one_name_are_told_apart(self, tmp_path):
        make(tmp_path, *(f"{phone}/DCIM/a.jpg" for phone in ("mine", "hers", "x/hers")))
        given = [tmp_path / phone / "DCIM" for phone in ("mine", "hers", "x/hers")]
        assert self.found(*given) == ["DCIM (2)/a.jpg", "DCIM (hers)/a.jpg", "DCIM/a.jpg"]

    @pytest.mark.parametrize("order", [1, -1])
    def test_a_folder_in_another_is_looked_at_once(self, tmp_path, order):
        make(tmp_path, "a/b/c.jpg", "a/d.jpg")
        assert self.found(*[tmp_path / "a", tmp_path / "a/b"][::order]) == ["b/c.jpg", "d.jpg"]
        assert self.found(tmp_path / "a", f"{tmp_path}/a/") == ["b/c.jpg", "d.jpg"]

    @pytest.mark.parametrize("order", [1, -1])
    def test_unless_the_other_leaves_it_out(self, tmp_path, order):
        make(tmp_path, "a/@eaDir/c.jpg", "a/d.jpg")
        given = [tmp_path / "a", tmp_path / "a/@eaDir"][::order]
        assert self.found(*given) == ["@eaDir/c.jpg", "a/d.jpg"]

    @pytest.mark.skipif(os.name == "nt", reason="links need rights there")
    def test_a_folder_that_another_links_to_is_looked_at_once(self, tmp_path):
        make(tmp_path, "a/d.jpg", "b/c.jpg")
        (tmp_path / "a" / "link").symlink_to(tmp_path / "b")
        assert self.found(tmp_path / "a", tmp_path / "b") == ["a/d.jpg", "b/c.jpg"]

    def test_labels_stay_when_a_folder_comes_to_them(self, tmp_path):
        make(tmp_path, "x/a/1.jpg", "y/a/2.jpg", "z/a/3.jpg")
        before = arrange([str(tmp_path / "y/a"), str(tmp_path / "x/a")])
        after = arrange([str(tmp_path / f"{place}/a") for place in "xyz"], before)
        assert set(before) <= set(after) and len({folder.label for folder in after}) == 3


def test_an_index_in_a_hidden_folder_is_not_counted(tmp_path):
    make(tmp_path, "a.jpg", ".index/codes.npy", ".x")
    found = find(tmp_path, [tmp_path / ".index"])
    assert found.by_name == {"": 1, ".index/": 0} and found.files == 2
