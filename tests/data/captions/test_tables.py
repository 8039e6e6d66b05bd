"""Captions come from tables and JSON lines, and mistakes name their line."""

import json
from collections import Counter

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.system.errors import InputError


def read_captions(path, seed=0):
    return Captions.read(path, seed).content


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def splits(images):
    return {image["filename"]: image["split"] for image in images}


def test_csv_becomes_a_karpathy_split(tmp_path):
    path = write(
        tmp_path / "pets.csv",
        'filename,caption,split\r\nb.jpg,"A dog, running.",train\r\n'
        'a.jpg,"A ""big"" cat",test\r\nb.jpg,Two dogs,train\r\n',
    )
    data = read_captions(path)
    assert data["dataset"] == "pets"
    assert data["images"] == [
        {
            "filename": "b.jpg",
            "imgid": 0,
            "split": "train",
            "sentids": [0, 2],
            "sentences": [
                {
                    "tokens": ["a", "dog", "running"],
                    "raw": "A dog, running.",
                    "imgid": 0,
                    "sentid": 0,
                },
                {"tokens": ["two", "dogs"], "raw": "Two dogs", "imgid": 0, "sentid": 2},
            ],
        },
        {
            "filename": "a.jpg",
            "imgid": 1,
            "split": "test",
            "sentids": [1],
            "sentences": [
                {"tokens": ["a", "big", "cat"], "raw": 'A "big" cat', "imgid": 1, "sentid": 1}
            ],
        },
    ]


def test_tsv_and_jsonl_say_the_same_as_csv(tmp_path):
    rows = [("x/a.jpg", "Ein Hündchen", "val"), ("b.jpg", 'She says "stop"', "train")]
    quoted = [
        (name, '"' + caption.replace('"', '""') + '"', split) for name, caption, split in rows
    ]
    header = ("Filename", " caption", "split")
    tables = [
        write(tmp_path / "a.csv", "\n".join(",".join(row) for row in [header, *quoted])),
        write(tmp_path / "a.tsv", "\n".join("\t".join(row) for row in [header, *rows])),
        write(tmp_path / "a.TSV", "\n".join("\t".join(row) for row in [header, *quoted])),
        write(
            tmp_path / "a.jsonl",
            "\n\n".join(
                json.dumps(dict(zip(("filename", "caption", "split"), row))) for row in rows
            ),
        ),
    ]
    first, *others = [read_captions(path) for path in tables]
    assert first["images"][0]["filepath"] == "x"
    assert first["images"][1]["sentences"][0]["raw"] == 'She says "stop"'
    assert all(other == first for other in others)


def test_a_lone_quote_in_a_tsv_swallows_nothing(tmp_path):
    path = write(tmp_path / "a.tsv", 'filename\tcaption\na.jpg\t"No\nb.jpg\tYes" he said\n')
    raws = [image["sentences"][0]["raw"] for image in read_captions(path)["images"]]
    assert raws == ['"No', 'Yes" he said']


def table_of(path, count, order=1):
    names = [f"{i}.jpg" for i in range(count)][::order]
    return write(path, "filename,caption\n" + "".join(f"{name},A dog\n" for name in names))


def test_without_a_split_images_are_dealt_80_10_10(tmp_path):
    images = read_captions(table_of(tmp_path / "a.csv", 200), seed=3)["images"]
    assert Counter(splits(images).values()) == {"train": 160, "val": 20, "test": 20}


def test_the_deal_depends_on_the_seed_and_not_on_the_order_of_rows(tmp_path):
    deal = splits(read_captions(table_of(tmp_path / "a.csv", 50), seed=3)["images"])
    assert splits(read_captions(table_of(tmp_path / "b.csv", 50, -1), seed=3)["images"]) == deal
    assert splits(read_captions(table_of(tmp_path / "a.csv", 50), seed=4)["images"]) != deal


def test_a_handful_of_images_still_has_every_split(tmp_path):
    images = read_captions(table_of(tmp_path / "a.csv", 3))["images"]
    assert set(splits(images).values()) == {"train", "val", "test"}


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("a.csv", "one,two\na.jpg,A dog\n", "names no column filename and no column caption"),
        ("a.csv", "image,words\na.jpg,A dog\n", "line 1 names no column caption"),
        ("a.csv", "filename,caption\n,A dog\n", "line 2 has an empty filename"),
        (
            "a.csv",
            "filename,caption,split\na.jpg,A dog,other\n",
            "line 2: there is no split 'other'",
        ),
        ("a.csv", "filename,caption\na.jpg,A dog\nb.jpg,A dog, running\n", "line 3 has 3 fields"),
        ("a.csv", 'filename,caption\na.jpg,"A\ndog"\n,A cat\n', "line 4 has an empty filename"),
        (
            "a.csv",
            'filename,caption\na.jpg,A dog\nb.jpg,"A dog\nc.jpg,A cat\n',
            "line 3 cannot be read",
        ),
        (
            "a.csv",
            "filename,caption,split\na.jpg,A,train\na.jpg,B,test\n",
            "line 3 puts a.jpg into test",
        ),
        ("a.csv", "filename,caption\n../a.jpg,A dog\n", "line 2: .*leaves the images folder"),
        ("a.csv", "filename,caption\n", "holds no captions"),
        ("a.csv", "name,words\na.jpg,A dog\n", "call the column that holds the captions caption"),
        ("a.csv", f"filename,caption\na.jpg,{'a ' * 70000}\n", "line 2 has a field of more than"),
        ("a.csv", "filename,caption\nfile:///a.jpg,A dog\n", "line 2 names the address"),
        ("a.csv", "filename,caption\na.jpg,A\0dog\n", "holds zero bytes, the first in line 2"),
        ("a.tsv", 'filename\tcaption\na.jpg\t"A\ndog"\n', "line 3 .*no line break into them"),
        ("a.jsonl", '{"text": "A dog", "image_ids": []}\n', "1 text left out, for they name no"),
        ("a.csv", "", "is empty"),
        ("a.tsv", "filename\tcaption\na.jpg\n", "line 2 has 1 fields.*put one tab between"),
        ("a.csv", "filename,caption\na.jpg;A dog\n", "line 2 has 1 fields.*put one comma between"),
        (
            "a.csv",
            'filename,caption\na.jpg,"A\nb.jpg,B"\n',
            "line 2 has a quotation mark that is closed behind line 3, which begins with 'b.jpg'",
        ),
        (
            "a.jsonl",
            '{"filename": "a.jpg", "caption": "A dog"}\n{"filename":\n',
            "line 2 is not JSON",
        ),
        ("a.jsonl", "[1]\n[2]\n", "line 1 is not an object"),
        ("a.jsonl", '{"filename": "a.jpg"}\n', "line 1 has no caption"),
        ("a.jsonl", '{"filename": "a.jpg", "caption": 3}\n', "line 1: caption must be text"),
        (
            "a.jsonl",
            '{"filename": "a", "caption": "A", "split": "val"}\n'
            '{"filename": "b", "caption": "B"}\n',
            "line 2: either every line has a split",
        ),
        ("a.json", "{", "is not JSON"),
    ],
)
def test_a_mistake_names_file_and_line(tmp_path, name, text, message):
    with pytest.raises(InputError, match=f"{name}.*{message}"):
        read_captions(write(tmp_path / name, text))


def test_another_encoding_names_the_line(tmp_path):
    path = write(tmp_path / "a.csv", "filename,caption\na.jpg,A dog\nb.jpg,Un café\n", "latin-1")
    with pytest.raises(InputError, match="line 3 is not UTF-8"):
        read_captions(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="missing.csv does not exist"):
        read_captions(tmp_path / "missing.csv")


def captions_of(images):
    return {
        "/".join(filter(None, (image.get("filepath"), image["filename"]))): [
            sentence["raw"] for sentence in image["sentences"]
        ]
        for image in images
    }


@pytest.mark.parametrize(
    "text, captions",
    [
        ("image,caption_1,caption_2,text\na.jpg,x,y,z\n", ["x", "y"]),
        ("image,Caption 0,Caption 1\na.jpg,x,y\n", ["x", "y"]),
        ("image,caption,caption\na.jpg,x,y\n", ["x", "y"]),
        ('image,captions\na.jpg,"[\'x, y\', ""it\'s""]"\n', ["x, y", "it's"]),
        ("image,captions\na.jpg,\"['x'\n 'y']\"\n", ["x", "y"]),
        ('image,captions\na.jpg,"[sic] it\'s"\n', ["[sic] it's"]),
    ],
)
def test_a_row_may_hold_several_captions(tmp_path, text, captions):
    images = read_captions(write(tmp_path / "a.csv", text))["images"]
    assert captions_of(images) == {"a.jpg": captions}


def test_an_empty_list_of_captions_is_an_empty_caption(tmp_path):
    path = write(tmp_path / "a.csv", "image,captions\na.jpg,[]\nb.jpg,x\n")
    captions = Captions.read(path)
    assert captions_of(captions.content["images"]) == {"b.jpg": ["x"]}
    assert "1 empty caption left out" in captions.remarks[0]


def test_objects_may_hold_several_captions_as_well(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"image": "a.jpg", "caption_1": "x", "caption_2": "y"}\n')
    assert captions_of(read_captions(path)["images"]) == {"a.jpg": ["x", "y"]}


def test_the_column_of_names_is_one_that_holds_names(tmp_path):
    text = "image,path,caption\n17,photos/a.jpg,a dog\n18,photos/b.jpg,a cat\n"
    images = read_captions(write(tmp_path / "a.csv", text))["images"]
    assert captions_of(images) == {"photos/a.jpg": ["a dog"], "photos/b.jpg": ["a cat"]}


def test_tables_put_together_repeat_their_header(tmp_path):
    text = "\ufeffimage,caption\na.jpg,x\n"
    captions = Captions.read(write(tmp_path / "a.csv", text + text + "IMAGE,Caption\nb.jpg,y,\n"))
    assert captions_of(captions.content["images"]) == {"a.jpg": ["x", "x"], "b.jpg": ["y"]}
    assert "2 rows that repeat the header left out (line 3, line 5)" in captions.remarks[0]


@pytest.mark.parametrize(
    "names, below, found",
    [
        ([r"C:\Users\me\a.jpg", "C:/Users/me/b.jpg"], "C:/Users/me/", ["a.jpg", "b.jpg"]),
        (["/data/x/a.jpg", "/data/xy/a.jpg"], "/data/", ["x/a.jpg", "xy/a.jpg"]),
        ([r"\\nas\p\a.jpg", r"\\nas\p\b\a.jpg"], "/nas/p/", ["a.jpg", "b/a.jpg"]),
    ],
)
def test_whole_paths_are_taken_below_what_they_share(tmp_path, names, below, found):
    table = "filename,caption\n" + "".join(f"{name},a dog\n" for name in names)
    captions = Captions.read(write(tmp_path / "a.csv", table))
    assert list(captions_of(captions.content["images"])) == found
    assert f"they are taken below {below}." in captions.remarks[0]


@pytest.mark.parametrize("other", ["b.jpg", "D:/b.jpg", "C:/../b.jpg"])
def test_whole_paths_that_share_no_folder_are_refused(tmp_path, other):
    path = write(tmp_path / "a.csv", f"filename,caption\nC:/a.jpg,a dog\n{other},a cat\n")
    with pytest.raises(InputError, match="line 2: .*leaves the images folder"):
        read_captions(path)


def test_most_captions_of_one_word_are_remarked(tmp_path):
    rows = "".join(f"{number}.jpg,男がいる犬と走る{number}\n" for number in range(3))
    captions = Captions.read(write(tmp_path / "a.csv", "image,caption\n" + rows))
    assert "3 of 3 captions are one word each" in captions.remarks[-1]
