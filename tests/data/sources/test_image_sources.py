"""Photographs come from folders, archives, tables in base64, or several of these in one folder."""

import base64
import io
import os
import random
import zipfile

import pytest
from PIL import Image

from vsepp.data.image_suffixes import suffix_of_content
from vsepp.data.sources.image_sources import open_source
from vsepp.system.errors import InputError


def picture(number=0, kind="JPEG"):
    file = io.BytesIO()
    noise = random.Random(number).randbytes(3 * 16 * 12)
    Image.frombytes("RGB", (16, 12), noise).save(file, kind)
    return file.getvalue()


def write_table(path, photographs, encode=base64.b64encode, line="{}\t{}\n"):
    """A table as Chinese-CLIP's, of ``{number: bytes}``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (line.format(name, encode(data).decode()) for name, data in photographs.items())
    path.write_bytes("".join(lines).encode())
    return path


def extracted(path, names, folder):
    """What a source gives under the names, after it has said their sizes."""
    with open_source(path) as source:
        assert {name: source.sizes[name] for name in names}
        source.extract({name: folder / str(place) for place, name in enumerate(names)}, "x")
        sizes = [source.sizes[name] for name in names]
    data = [(folder / str(place)).read_bytes() for place in range(len(names))]
    assert sizes == list(map(len, data))
    return data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_content_tells_the_suffix(kind):
    suffix = suffix_of_content(picture(kind=kind)[:16])

    assert Image.registered_extensions()[suffix] == kind
    assert suffix_of_content(b"") is suffix_of_content(b"name\tcaption\n") is None


@pytest.mark.parametrize(
    "encode",
    [
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda data: base64.b64encode(data).rstrip(b"="),
        lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    ],
)
@pytest.mark.parametrize(
    "line", ["{}\t{}\n", "{}\t{}\r\n", '{}\t"{}"\n', "{}\tdata:image/jpeg;base64,{}\n"]
)
def test_a_table_gives_its_photographs_under_number_and_suffix(tmp_path, encode, line):
    photographs = {"1000": picture(1), "7": picture(2), "22": picture(3, "PNG"), "b.jpg": picture()}
    for remainder, name in enumerate(photographs):  # each length of padding
        data = photographs[name]
        photographs[name] = data + bytes((remainder - len(data)) % 3)
    table = write_table(tmp_path / "train_imgs.tsv", photographs, encode, line)

    names = ["7.jpg", "22.png", "1000.jpg", "b.jpg"]
    order = ["7", "22", "1000", "b.jpg"]
    assert extracted(table, names, tmp_path / "out") == [photographs[name] for name in order]


def test_a_byte_order_mark_and_empty_lines_are_nothing(tmp_path):
    table = write_table(tmp_path / "a.txt", {"\ufeff3": picture(), "4": picture(1)})
    table.write_bytes(table.read_bytes() + b"\r\n\n")

    assert extracted(table, ["3.jpg", "4.jpg"], tmp_path / "out") == [picture(), picture(1)]


def test_a_table_is_read_line_by_line(tmp_path, monkeypatch):
    table = write_table(tmp_path / "a.tsv", {str(number): picture(number) for number in range(50)})
    longest = max(map(len, table.read_bytes().split(b"\n")))
    sizes = []
    real = open

    class Watched(io.BufferedReader):
        def read(self, size=-1):
            data = super().read(size)
            sizes.append(len(data))
            return data

        def readline(self, size=-1):
            data = super().readline(size)
            sizes.append(len(data))
            return data

    monkeypatch.setattr("builtins.open", lambda path, mode: Watched(real(path, mode).detach()))
    with open_source(table) as source:
        monkeypatch.undo()
        source.extract({"3.jpg": tmp_path / "3"}, "x")

    assert len(sizes) > 50 and max(sizes) <= max(longest + 1, 1200)
    assert (tmp_path / "3").read_bytes() == picture(3)


@pytest.mark.parametrize("broken", [b"no table\n", b"5\t\xff\xfe\n", b"\xff\t" + b"A" * 40 + b"\n"])
def test_a_line_that_is_none_is_named(tmp_path, broken):
    table = write_table(tmp_path / "a.tsv", {"3": picture()})
    table.write_bytes(table.read_bytes() + broken)

    with pytest.raises(InputError, match=r"a\.tsv, line 2 is not a number, a tab and"):
        open_source(table)


def test_broken_base64_is_named_and_leaves_no_file(tmp_path):
    whole = write_table(tmp_path / "a.tsv", {"3": picture()}).read_bytes().rstrip(b"=\n")
    (tmp_path / "a.tsv").write_bytes(whole[: len(whole) - (len(whole) - 2) % 4] + b"A\n")

    with open_source(tmp_path / "a.tsv") as source:
        with pytest.raises(InputError, match=r"a\.tsv, line 1: its base64 is broken"):
            source.extract({"3.jpg": tmp_path / "out/3.jpg"}, "x")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_tables_and_archives_is_all_of_them(tmp_path):
    folder = tmp_path / "MUGE"
    write_table(folder / "train_imgs.tsv", {"1": picture(1)})
    write_table(folder / "valid_imgs.tsv", {"2": picture(2)})
    (folder / "train_texts.tsv").write_text("id\ttext\n1\twords of a caption\n")
    with zipfile.ZipFile(folder / "照片.zip", "w") as archive:
        archive.writestr("deep/3.jpg", picture(3))

    names = ["valid_imgs.tsv/2.jpg", "2/deep/3.jpg", "train_imgs.tsv/1.jpg"]
    assert extracted(folder, names, tmp_path / "out") == [picture(2), picture(3), picture(1)]


def test_archives_beside_photographs_are_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/a.jpg").write_bytes(picture())
    (tmp_path / "photos/b.zip").write_bytes(b"no archive")

    with open_source(tmp_path / "photos") as source:
        assert set(source.sizes) == {"a.jpg", "b.zip"}


def test_a_folder_with_nothing_but_an_archive_that_is_not_read_says_so(tmp_path):
    (tmp_path / "a.rar").write_bytes(b"Rar!\x1a\x07\x01\0" + bytes(30))

    with pytest.raises(InputError, match=r"a\.rar is a RAR archive"):
        open_source(tmp_path)


def test_a_text_is_no_source(tmp_path):
    (tmp_path / "captions.csv").write_text("BMW.jpg,a car\n")  # as a .bmp begins

    with pytest.raises(
        InputError, match="captions.csv is a text, .*: give what holds these with --images"
    ):
        open_source(tmp_path / "captions.csv")


def test_one_photograph_is_no_source(tmp_path):
    (tmp_path / "a.jpg").write_bytes(picture())

    with pytest.raises(InputError, match="a.jpg is one photograph: give the folder .*--images "):
        open_source(tmp_path / "a.jpg")


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_a_folder_with_names_in_no_unicode(tmp_path):
    name = os.fsdecode("海.jpg".encode("gbk"))
    try:
        (tmp_path / name).write_bytes(b"x")
    except (OSError, UnicodeError):
        pytest.skip("this disk takes Unicode names alone")

    with open_source(tmp_path) as source:
        assert dict(source.undeclared) == {name: "海.jpg".encode("gbk")}
