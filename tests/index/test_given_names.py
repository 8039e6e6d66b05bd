"""Names that come with codes made elsewhere, in every form that tools write."""

import json

import pytest

from vsepp.index.given_names import read_names
from vsepp.system.errors import InputError

NAMES = ["a.jpg", "sub/b 2.jpg", "猫,1.jpg"]
CASES = {
    "a.txt": "\n".join(NAMES) + "\n",
    "lines.txt": "\r\n".join(NAMES),
    "list.json": json.dumps(NAMES),
    "objects.json": json.dumps([{"caption": "x", "image_path": name} for name in NAMES]),
    "columns.json": json.dumps({"filename": dict(enumerate(NAMES)), "x": {}}),
    "a.jsonl": "\n".join(json.dumps(name) for name in NAMES),
    "objects.jsonl": "\n".join(json.dumps({"key": 7, "path": name}) for name in NAMES),
    "a.csv": 'caption,image_path\nx,a.jpg\n"y, z",sub/b 2.jpg\nz,"猫,1.jpg"\n',
    "names.csv": 'a.jpg\nsub/b 2.jpg\n"猫,1.jpg"\n',
    "capital.csv": 'Image\na.jpg\nsub/b 2.jpg\n"猫,1.jpg"\n',
    "capitals.csv": 'Caption,Image_Path\nx,a.jpg\ny,sub/b 2.jpg\nz,"猫,1.jpg"\n',
    "blank.jsonl": "\n\n".join(json.dumps(name) for name in NAMES) + "\n\n",
    "a.tsv": "name\tcaption\na.jpg\tx\nsub/b 2.jpg\ty\n猫,1.jpg\tz\n",
}


@pytest.mark.parametrize("file", CASES)
def test_names_are_read(tmp_path, file):
    (tmp_path / file).write_text(CASES[file], encoding="utf-8")
    assert read_names([str(tmp_path / file)]) == (NAMES, 0)


def test_a_parquet_as_img2dataset_writes_it(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = pyarrow.table({"key": ["0", "1", "2"], "image_path": NAMES})
    parquet.write_table(table, tmp_path / "metadata_0.parquet")
    assert read_names([str(tmp_path / "metadata_0.parquet")]).names == NAMES
    (tmp_path / "cut.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match="cut.parquet is no parquet file"):
        read_names([str(tmp_path / "cut.parquet")])


def test_files_follow_each_other_and_addresses_lose_their_beginning(tmp_path):
    (tmp_path / "a.txt").write_text("https://example.org/x/a.jpg?size=2\n./b.jpg\n")
    (tmp_path / "b.json").write_text("[7]")
    found = read_names([str(tmp_path / "a.txt"), str(tmp_path / "b.json")])
    assert found == (["example.org/x/a.jpg?size=2", "b.jpg", "7"], 1)


def test_a_quoted_name_keeps_its_line_break(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'path,x\r\n"a\nb.jpg",1\r\nc.jpg,2\r\n')
    assert read_names([str(tmp_path / "a.csv")]).names == ["a\nb.jpg", "c.jpg"]


@pytest.mark.parametrize(
    "file, content, said",
    [
        ("a.txt", "a.jpg\n\nb.jpg\n", "name 2 is empty"),
        ("a.txt", "", "holds no names|is empty"),
        ("a.txt", "a.jpg\n../b.jpg\n", r"name 2: '../b.jpg' is no name.* has . or .. for a part"),
        ("a.txt", "https://x.com//a.jpg\n", "'https://x.com//a.jpg' .* has nothing between two /"),
        ("a.txt", "x/\n", "has nothing between two /, or at an end: write one such as sub/a.jpg"),
        ("a.txt", "a\0.jpg\n", "holds a zero byte"),
        ("a.txt", "a.jpg\na.jpg\n", r"name 2: 'a.jpg' was there already \(.*name 1\)"),
        ("a.csv", "x,y\n1,2\n", "none of the columns image_path, path"),
        ("a.json", '{"x": 1}', "none of the columns"),
        ("a.json", '"text"', "holds no list"),
        ("a.json", "[1.5]", "name 1 is empty or no text"),
        ("a.json", "[true, 1]", "name 1 is empty or no text"),
        ("a.jsonl", "{", "line 1 is not JSON"),
        ("a.jsonl", '"a.jpg"\n\n{', "line 3 is not JSON"),
        ("a.pkl", "x", "of no kind that names can be read from"),
    ],
)
def test_what_is_no_list_of_names_is_one_sentence(tmp_path, file, content, said):
    (tmp_path / file).write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_names([str(tmp_path / file)])
    assert str(caught.value).count("\n") == 0


def test_a_missing_file_is_named():
    for name in ("gone.txt", "gone.json", "gone.parquet"):
        with pytest.raises(InputError, match=f"{name} does not exist"):
            read_names([name])
