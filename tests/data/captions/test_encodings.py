"""Tables are read in the encodings, and with the ends of lines, that programs save them with."""

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.system.errors import InputError

TABLE = "filename,caption\n" + "".join(f"{n}.jpg,第{n}张照片里有两只狗\n" for n in range(1, 6))
KOREAN = "filename,caption\n" + "a.jpg,개가 풀밭에서 뛰어 달린다\n" * 3


def read(path, data):
    path.write_bytes(data)
    captions = Captions.read(path)
    rows = [(image.name, *image.sentences) for image in captions.images]
    return rows, " ".join(captions.remarks)


@pytest.fixture
def expected(tmp_path):
    rows, said = read(tmp_path / "expected.csv", TABLE.encode())
    assert rows[0] == ("1.jpg", "第1张照片里有两只狗") and len(rows) == 5
    assert "UTF-8" not in said
    return rows


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
def test_every_end_of_a_line_is_one(tmp_path, expected, name, end):
    assert read(tmp_path / name, TABLE.replace("\n", end).encode())[0] == expected


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_ends_of_lines_in_token_files_and_json_lines(tmp_path, end):
    for text in ("a.jpg#0\tone\nb.jpg#0\ttwo\n", '{"image":"a.jpg","text":"one"}\n' * 2):
        rows, _ = read(tmp_path / "x", text.replace("\n", end).encode())
        assert rows[0][:2] == ("a.jpg", "one")


@pytest.mark.parametrize("separator", [";", "\t", "，", "|"])
def test_the_separator_is_that_of_the_header(tmp_path, expected, separator):
    assert read(tmp_path / "a.csv", TABLE.replace(",", separator).encode())[0] == expected


def test_a_comma_is_no_separator_where_the_header_has_semicolons(tmp_path):
    table = 'sep=;\nfilename;caption\n1.jpg;two dogs, running\n2.jpg;"a; b"\n'
    rows, _ = read(tmp_path / "a.csv", table.encode())
    assert rows == [("1.jpg", "two dogs, running"), ("2.jpg", "a; b")]


def test_full_width_commas_within_captions_stay(tmp_path):
    rows, _ = read(tmp_path / "a.csv", "图片，描述，划分\n1.jpg，两只狗，在跑，训练\n".encode())
    assert rows == [("1.jpg", "两只狗，在跑")]


@pytest.mark.parametrize(
    "encoding, said",
    [
        ("utf-8-sig", None),
        ("utf-16", "read as UTF-16"),
        ("gbk", "read as GB18030"),
        ("gb18030", "read as GB18030"),
    ],
)
def test_other_encodings_are_read_and_said(tmp_path, expected, encoding, said):
    rows, remarks = read(tmp_path / "a.csv", TABLE.encode(encoding))
    assert rows == expected
    assert (said in remarks) if said else ("read as" not in remarks)


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-32"])
def test_other_marks_are_read(tmp_path, expected, encoding):
    mark = "\ufeff".encode(encoding) if encoding == "utf-16-be" else b""
    assert read(tmp_path / "a.csv", mark + TABLE.encode(encoding))[0] == expected


def test_karpathys_json_in_utf_16_is_kept_in_utf_8(tmp_path):
    text = (
        '{"dataset": "d", "images": [{"filename": "a.jpg", "split": "train", '
        '"sentences": [{"tokens": ["狗"], "raw": "狗"}]}]}'
    )
    (tmp_path / "a.json").write_bytes(text.encode("utf-16"))
    captions = Captions.read(tmp_path / "a.json")
    assert captions.data == text.encode()
    assert captions.is_karpathys and "UTF-16" in captions.remarks[0]


@pytest.mark.parametrize(
    "data, message",
    [
        ("filename,caption\na.jpg,été là\n".encode("latin-1"), "line 2 is not UTF-8"),
        ("filename,caption\na.jpg,über Bäume läuft\n".encode("latin-1"), "line 2 is not UTF-8"),
        (
            "filename,caption\na.jpg,第一張照片裡有兩隻狗，一個年輕的男人看著院子裡的花\n".encode(
                "big5"
            ),
            "is not UTF-8",
        ),
        (TABLE.encode()[:-1].replace("狗".encode(), b"\xe7\x8b", 1), "line 2 is not UTF-8"),
        (
            ("filename,caption\n" + "a.jpg,개가 풀밭에서 뛰어 달린다\n" * 3).encode("euc_kr"),
            "is not UTF-8",
        ),
        ("filename,caption\na.jpg,男がいる犬と走る\n".encode("euc_jp"), "is not UTF-8"),
        (TABLE.encode("utf-16-le"), "looks like UTF-16 without the mark"),
        (TABLE.encode("utf-16")[:-1], "begins with the mark of UTF-16 and is damaged"),
        (b"\xff\xfe", "is empty"),
        (b" \n\t", "is empty"),
    ],
)
def test_what_is_neither_is_refused_and_not_read_as_something_else(tmp_path, data, message):
    with pytest.raises(InputError, match=f"a.csv.*{message}"):
        read(tmp_path / "a.csv", data)


def test_a_mark_may_stand_there_twice(tmp_path):
    assert read(tmp_path / "a.csv", ("\ufeff\ufeff" + TABLE).encode()) == read(
        tmp_path / "b.csv", TABLE.encode()
    )
