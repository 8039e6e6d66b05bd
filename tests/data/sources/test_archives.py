"""Archives give their files, and refuse to write anywhere else."""

import io
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest

from vsepp.data.sources import archives
from vsepp.data.sources.archives import Archive, leaves_folder
from vsepp.system.errors import InputError

FILES = {"images/a.jpg": b"first", "images/sub/b.jpg": b"second picture", "notes.txt": b"text"}


def make_zip(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path, files, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


MODES = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


@pytest.fixture(params=["zip", *MODES])
def pack(request, tmp_path):
    """A function that packs files into an archive of each kind."""
    path = tmp_path / f"pack.{request.param}"
    if request.param == "zip":
        return lambda files: make_zip(path, files)
    return lambda files: make_tar(path, files, MODES[request.param])


def test_lists_and_reads_regular_files(pack):
    with Archive(pack(FILES)) as archive:
        assert archive.sizes == {name: len(data) for name, data in FILES.items()}
        assert archive.read("images/sub/b.jpg") == b"second picture"


def test_extracts_only_what_is_wanted_where_it_is_wanted(pack, tmp_path):
    out = tmp_path / "out"
    with Archive(pack(FILES)) as archive:
        archive.extract({"images/sub/b.jpg": out / "new/b.jpg", "images/a.jpg": out / "a.jpg"}, "x")
    found = {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    assert found == {"new/b.jpg": b"second picture", "a.jpg": b"first"}


def test_the_kind_is_told_by_content_not_by_name(tmp_path):
    with Archive(make_zip(tmp_path / "pack.tar", FILES)) as archive:
        assert archive.read("notes.txt") == b"text"


def test_a_leading_dot_is_not_part_of_the_name(tmp_path):
    with Archive(make_tar(tmp_path / "pack.tar", {"./images/a.jpg": b"x"})) as archive:
        assert list(archive.sizes) == ["images/a.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "../a.jpg",
        "images/../../a.jpg",
        "/etc/a.jpg",
        "C:/a.jpg",
        "..\\a.jpg",
        "images\\..\\..\\a.jpg",
    ],
)
def test_entries_that_leave_the_folder_are_refused(pack, name):
    path = pack({"images/good.jpg": b"x", name: b"x"})
    with pytest.raises(InputError, match=r"pack\..* is refused because its entry .* leads out"):
        Archive(path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    path = tmp_path / "pack.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("images/a.jpg")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    with pytest.raises(InputError, match="'images/a.jpg' is a link or a device"):
        Archive(path)


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = zipfile.ZipInfo("images/a.jpg")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(InputError, match="is a link or a device"):
        Archive(path)


def test_a_file_name_with_two_dots_is_fine():
    assert not leaves_folder("images/dog..jpg")


@pytest.mark.parametrize("keep", [0, 3, 100, 2000])
def test_an_archive_cut_short_is_refused(pack, keep, tmp_path):
    noise = bytes(i * i % 251 for i in range(3000))
    path = pack({f"images/{i}.jpg": noise[i:] for i in range(3)})
    path.write_bytes(path.read_bytes()[: min(keep, path.stat().st_size - 30)])
    with pytest.raises(InputError, match="damaged"):
        with Archive(path) as archive:
            archive.extract({name: tmp_path / name for name in archive.sizes}, "x")


def test_a_tar_cut_between_two_files_is_refused(tmp_path):
    path = make_tar(tmp_path / "pack.tar", {"a": b"x" * 512, "b": b"y" * 512})
    path.write_bytes(path.read_bytes()[:1024])  # header and data of the first, nothing else
    with pytest.raises(InputError, match="breaks off"):
        Archive(path)


def test_a_tar_with_a_damaged_header_is_refused(tmp_path):
    path = make_tar(tmp_path / "pack.tar", {"a": b"x" * 512, "b": b"y" * 512})
    data = bytearray(path.read_bytes())
    data[1024 + 150] ^= 0xFF  # in the checksum of the second header
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        Archive(path)


def test_a_flipped_bit_leaves_no_file_behind(tmp_path):
    path = tmp_path / "pack.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a.jpg", b"picture" * 100)
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="at 'a.jpg'"):
        with Archive(path) as archive:
            archive.extract({"a.jpg": tmp_path / "out/a.jpg"}, "x")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_flipped_bit_in_what_packs_a_tar_is_noticed(tmp_path, mode):
    path = make_tar(tmp_path / "pack.tar.gz", FILES, mode)
    data = bytearray(path.read_bytes())
    data[-6] ^= 1  # in its own checksum
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        Archive(path)


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "page.zip").write_text("<html>please log in</html>" * 50)
    with pytest.raises(InputError, match="page.zip is damaged or is no .zip"):
        Archive(tmp_path / "page.zip")
    with pytest.raises(InputError, match="does not exist"):
        Archive(tmp_path / "missing.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(pack, monkeypatch):
    monkeypatch.setattr(archives, "_ALWAYS_FINE", 1 << 21)
    zeros = bytes(1 << 20)
    small = pack({"images/a.jpg": zeros})
    with Archive(small) as archive:
        assert archive.sizes == {"images/a.jpg": 1 << 20}
    if small.suffix not in (".zip", ".gz"):
        return  # nothing is packed, or as a .tar.gz is but more slowly
    path = pack({f"images/{number}.jpg": zeros for number in range(12)})
    with pytest.raises(InputError, match="'images/.*jpg' unpacks to far more than it holds"):
        Archive(path)


def test_one_packed_picture_under_many_names_is_a_bomb(tmp_path):
    path = make_zip(tmp_path / "pack.zip", {"a.jpg": bytes(1 << 20)})
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(300):
            entry = archive.getinfo("a.jpg")
            archive.filelist.append(entry)
        archive._didModify = True
    with pytest.raises(InputError, match="'a.jpg' unpacks to far more than it holds"):
        Archive(path)


def test_of_two_entries_with_one_name_the_last_counts(tmp_path):
    path = tmp_path / "pack.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.writestr("a.jpg", b"second")
    with Archive(path) as archive:
        assert archive.read("a.jpg") == b"second"


def test_a_zip_that_lacks_bytes_before_an_entry_is_damaged(tmp_path):
    noise = bytes(i * i % 251 for i in range(3000))
    data = make_zip(tmp_path / "whole.zip", {"a.jpg": noise, "b.jpg": noise[5:]}).read_bytes()
    path = tmp_path / "pack.zip"
    path.write_bytes(data[:600] + data[700:])
    with pytest.raises(InputError, match="pack.zip is damaged"):
        with Archive(path) as archive:
            archive.extract({"a.jpg": tmp_path / "a.jpg"}, "x")
    assert not (tmp_path / "a.jpg").exists()


class Undeclared(zipfile.ZipInfo):
    """An entry as Windows and old macOS write it: its name in some encoding, no word of which."""

    encoding = "gbk"

    def _encodeFilenameFlags(self):
        return self.filename.encode(self.encoding), 0


def make_undeclared(path, names, encoding, declared=()):
    entry_class = type("Entry", (Undeclared,), {"encoding": encoding})
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(entry_class(name), name.encode())
        for name in declared:
            archive.writestr(name, name.encode())
    return path


def test_a_zip_says_which_names_declare_no_encoding(tmp_path):
    names = ["照片/海滩.jpg", "plain.jpg"]
    path = make_undeclared(tmp_path / "a.zip", names, "gbk", declared=["雪山.jpg"])

    with Archive(path) as archive:
        (name,) = archive.undeclared
        assert archive.undeclared[name] == "照片/海滩.jpg".encode("gbk")
        assert set(archive.sizes) == {name, "plain.jpg", "雪山.jpg"}
        assert archive.read(name) == "照片/海滩.jpg".encode()


def test_undeclared_utf8_reads_as_such(tmp_path):
    with Archive(make_undeclared(tmp_path / "a.zip", ["海滩.jpg"], "utf-8")) as archive:
        assert list(archive.sizes) == ["海滩.jpg"]


def test_a_name_in_the_extra_field_is_taken(tmp_path):
    name, system = "海滩.jpg", "海滩.jpg".encode("gbk")
    body = struct.pack("<BL", 1, zlib.crc32(system)) + name.encode()
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        entry = Undeclared(name)
        entry.extra = struct.pack("<HH", 0x7075, len(body)) + body
        archive.writestr(entry, b"x")

    with Archive(path) as archive:
        assert archive.sizes == {name: 1} and not archive.undeclared
        assert archive.read(name) == b"x"


def test_a_tar_says_which_names_are_no_utf8(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        archive.addfile(tarfile.TarInfo("海滩.jpg"), io.BytesIO())

    with Archive(path) as archive:
        assert list(archive.undeclared.values()) == ["海滩.jpg".encode("gbk")]


@pytest.mark.parametrize("suffix", ["tar.bz2", "tar.xz", "tgz", "zip", "photos"])
@pytest.mark.parametrize("mode", ["w:bz2", "w:xz", "w:gz"])
def test_a_packed_tar_is_told_by_its_content(tmp_path, suffix, mode):
    with Archive(make_tar(tmp_path / f"pack.{suffix}", FILES, mode)) as archive:
        archive.extract({name: tmp_path / "out" / name for name in FILES}, "x")
    for name, data in FILES.items():
        assert (tmp_path / "out" / name).read_bytes() == data


@pytest.mark.parametrize(
    "start, words",
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", "is a 7-Zip archive.*`7z x .*my pack.7z' -o'my pack'`"),
        (b"Rar!\x1a\x07\x01\0", "is a RAR archive.*`unrar x "),
        (b"\x28\xb5\x2f\xfd\4\0", "is packed with Zstandard.*`mkdir 'my pack' && tar --zstd -xf "),
    ],
)
def test_other_archives_are_named_with_what_to_do(tmp_path, start, words):
    (tmp_path / "my pack.7z").write_bytes(start + bytes(100))
    with pytest.raises(InputError, match=words + ".*give the folder, --images 'my pack'"):
        Archive(tmp_path / "my pack.7z")
