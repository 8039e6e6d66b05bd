"""Captions in the formats that public data sets are handed out in, whatever the file is called."""

import csv
import io
import json

import pytest

from vsepp.data.captions.captions import Captions
from vsepp.system.errors import InputError

NAMES = [f"100000{n}_ab.jpg" for n in range(6)]
ENGLISH = ["A red circle lies here .", "Two discs , one green .", 'Some "blobs" .', "Four", "Five"]
CHINESE = [
    "一个红色的圆。",
    "两个圆盘，其中一个是绿色的。",
    "墙上有圆点。",
    "圆圈飘着。",
    "纸上有斑点。",
]
PAIRS = [(name, number) for name in NAMES for number in range(5)]


def as_csv(header, sentences=ENGLISH, **options):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", **options)
    writer.writerow(header)
    writer.writerows([name, sentences[number]] for name, number in PAIRS)
    return file.getvalue()


def objects(image, text, sentences):
    return [{image: name, text: sentences[number]} for name, number in PAIRS]


def as_lines(entries):
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)


def numbered(line, sentences):
    return "".join(
        line.format(name=name, stem=name[:-4], n=number, text=sentences[number]) + "\n"
        for name, number in PAIRS
    )


COCO = {
    "info": {"year": 2017},
    "images": [{"file_name": name, "id": 100 + place} for place, name in enumerate(NAMES)],
    "annotations": [
        {"image_id": 100 + NAMES.index(name), "id": place, "caption": ENGLISH[number]}
        for place, (name, number) in enumerate(PAIRS)
    ],
}
BARS = "image_name| comment_number| comment\n" + numbered("{name}| {n}| {text}", ENGLISH)
FORMATS = {  # name: (text, sentences, names, what is said)
    "Kaggle's Flickr8k": (as_csv(["image", "caption"]), ENGLISH, NAMES, "image,caption"),
    "Kaggle's Flickr30k": (BARS, ENGLISH, NAMES, "results.csv"),
    "Flickr8k": (numbered("{name}#{n}\t{text}", ENGLISH), ENGLISH, NAMES, "name#n"),
    "Flickr8k-CN": (numbered("{name}#zhc#{n} {text}", CHINESE), CHINESE, NAMES, "name#zhc#n"),
    "Flickr8k-CN, English": (numbered("{name}#enc#{n} {text}", ENGLISH), ENGLISH, NAMES, "#enc#"),
    "COCO-CN": (
        numbered("{stem}#{n}\t{text}", CHINESE),
        CHINESE,
        [name[:-4] for name in NAMES],
        "COCO-CN",
    ),
    "COCO": (json.dumps(COCO), ENGLISH, NAMES, "COCO's captions"),
    "AI Challenger": (
        json.dumps([{"url": "x", "image_id": name, "caption": CHINESE} for name in NAMES]),
        CHINESE,
        NAMES,
        "AI Challenger",
    ),
    "BLIP, training": (
        json.dumps(objects("image", "caption", ENGLISH), indent=1),
        ENGLISH,
        NAMES,
        "ALBEF and BLIP",
    ),
    "BLIP, validation": (
        json.dumps([{"image": name, "caption": ENGLISH} for name in NAMES]),
        ENGLISH,
        NAMES,
        "ALBEF and BLIP",
    ),
    "Hugging Face, CSV": (as_csv(["file_name", "text"]), ENGLISH, NAMES, "Hugging Face"),
    "Hugging Face, JSONL": (
        as_lines(objects("file_name", "text", ENGLISH)),
        ENGLISH,
        NAMES,
        "Hugging Face",
    ),
    "MUGE": (
        as_lines(
            {"text_id": place, "text": CHINESE[number], "image_ids": [NAMES.index(name)]}
            for place, (name, number) in enumerate(PAIRS)
        ),
        CHINESE,
        [str(place) for place in range(6)],
        "MUGE",
    ),
    "Chinese columns": (as_csv(["文件名", "描述"], CHINESE), CHINESE, NAMES, "文件名 and 描述"),
    "tabs": (as_csv(["img", "sentence"], delimiter="\t"), ENGLISH, NAMES, "between tabs"),
    "without header": (
        as_csv(["a.jpg", "x"]).partition("\n")[2],
        ENGLISH,
        NAMES,
        "without a header",
    ),
    "by name": (json.dumps({name: ENGLISH for name in NAMES}), ENGLISH, NAMES, "by file name"),
}


@pytest.mark.parametrize("called", ["captions.txt", "a.dat", "b.json"])
@pytest.mark.parametrize("kind", FORMATS)
def test_what_the_file_holds_decides(tmp_path, kind, called):
    text, sentences, names, said = FORMATS[kind]
    path = tmp_path / called
    path.write_text(text, encoding="utf-8")

    captions = Captions.read(path)

    assert [image.name for image in captions.images] == names
    for image in captions.images:
        assert [text.strip() for text in image.sentences] == sentences
    assert said in captions.recognised
    assert captions.tokenizer == ("jieba" if sentences is CHINESE else "words")
    assert not captions.is_karpathys
    words = {word for image in captions.images for caption in image.captions for word in caption}
    assert not words & set("0123456789") and not {"zhc", "enc", "jpg"} & words


def read(tmp_path, text, name="a.txt", **options):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return Captions.read(path, **options)


def test_captions_stand_in_the_order_of_their_numbers(tmp_path):
    for text in (
        "b.jpg#2\tthree\nb.jpg#0\tone\na.jpg#0\tx\nb.jpg#1\ttwo\n",
        "image|comment_number|comment\nb.jpg|2|three\nb.jpg|0|one\na.jpg|0|x\nb.jpg|1|two\n",
        "filename\tcaption\nb.jpg#zhc#2\tthree\nb.jpg#zhc#0\tone\na.jpg#zhc#0\tx\nb.jpg#zhc#1\ttwo\n",
    ):
        first = read(tmp_path, text).images[0]
        assert (first.name, first.sentences) == ("b.jpg", ("one", "two", "three"))


@pytest.mark.parametrize("separator", ["| ", "\t"])
def test_a_row_without_its_second_separator_is_repaired_and_said(tmp_path, separator):
    rows = BARS.replace(f"{NAMES[0]}| 4| Five", f"{NAMES[0]}| 4   Five").replace("| ", separator)
    captions = read(tmp_path, rows)
    assert captions.images[0].sentences[4] == "Five"
    assert captions.remarks[0].endswith(
        "1 row without the separator between number and caption repaired (line 6)."
    )


TAGGED = "两个:m 年轻:a 男人:n 看着:v 院子:n 。:w"


@pytest.mark.parametrize(
    "text",
    [
        f"filename,caption\n1.jpg,{TAGGED}\n2.jpg,{TAGGED}\n",
        f"1.jpg#zhb#0 {TAGGED}\n2.jpg#zhb#0 {TAGGED}\n",
        f"1.jpg#0\t{TAGGED.replace(':', '/')}\n2.jpg#0\t{TAGGED.replace(':', '/')}\n",
        as_lines([{"image": "1.jpg", "text": TAGGED}, {"image": "2.jpg", "text": TAGGED}]),
    ],
)
def test_tags_go_and_cuts_stay(tmp_path, text):
    captions = read(tmp_path, text)
    assert captions.images[0].captions == (("两个", "年轻", "男人", "看着", "院子"),)
    assert captions.images[0].sentences == ("两个年轻男人看着院子。",)
    assert captions.tokenizer == "jieba"
    assert "tags" in captions.remarks[0]


def test_english_tags_go_as_well(tmp_path):
    captions = read(tmp_path, "image,text\n1.jpg,A/DT Red/JJ dog/NN ./.\n2.jpg,Two/CD dogs/NNS\n")
    assert captions.images[1].captions == (("two", "dogs"),)
    assert captions.images[1].sentences == ("Two dogs",)


@pytest.mark.parametrize("caption", ["at 10:30 and 12:a", "black/white", "and/or red", "see a:b c"])
def test_colons_and_slashes_in_sentences_are_no_tags(tmp_path, caption):
    assert read(tmp_path, f"image,text\n1.jpg,{caption}\n").images[0].sentences == (caption,)


def test_what_was_cut_stays_with_another_tokenizer(tmp_path):
    text = f"filename,caption\n1.jpg,{TAGGED}\n"
    captions = read(tmp_path, text, tokenizer="words")
    assert captions.tokenizer == "words"
    assert captions.images[0].captions[0][:2] == ("两个", "年轻")


def test_a_field_may_hold_a_list_of_captions(tmp_path):
    rows = 'raw,sentids,split,filename\n"[""A dog."", ""It runs.""]","[0, 1]",train,1.jpg\n'
    (image,) = read(tmp_path, rows + "[a cat],[2],val,2.jpg\n").images[:1]
    assert (image.name, image.split, image.sentences) == ("1.jpg", "train", ("A dog.", "It runs."))


def test_folders_in_names_are_kept(tmp_path):
    entries = [{"image": f"{folder}/1.jpg", "caption": "a"} for folder in ("val2014", "train2014")]
    captions = read(tmp_path, json.dumps(entries))
    assert [image.name for image in captions.images] == ["val2014/1.jpg", "train2014/1.jpg"]


def test_empty_captions_are_left_out_counted_and_named(tmp_path):
    captions = read(tmp_path, "filename,caption\n1.jpg,a\n1.jpg,\n2.jpg,  \n3.jpg,b\n", "e.csv")
    assert [image.name for image in captions.images] == ["1.jpg", "3.jpg"]
    empty, without = captions.remarks[:2]
    assert "e.csv: 2 empty captions left out (line 3, '1.jpg', line 4, '2.jpg')." in empty
    assert without.endswith("1 photograph without any caption left out (2.jpg).")


def test_texts_and_photographs_without_the_other_are_counted(tmp_path):
    texts = as_lines([{"text": "a", "image_ids": [1, 2]}, {"text": "b", "image_ids": []}])
    captions = read(tmp_path, texts)
    assert [(image.name, image.sentences) for image in captions.images] == [
        ("1", ("a",)),
        ("2", ("a",)),
    ]
    assert "1 text left out, for they name no photograph (line 2)" in captions.remarks[0]
    coco = {**COCO, "images": COCO["images"] + [{"id": 7, "file_name": "lonely.jpg"}]}
    assert "(lonely.jpg)" in read(tmp_path, json.dumps(coco)).remarks[0]


def test_renamed_captions_are_the_same_under_other_names(tmp_path):
    captions = read(tmp_path, numbered("{stem}#{n}\t{text}", CHINESE))
    renamed = captions.renamed({"1000000_ab": "deep/1000000_ab.jpg"})
    assert [image.name for image in renamed.images[:2]] == ["deep/1000000_ab.jpg", "1000001_ab"]
    assert renamed.images[0].captions == captions.images[0].captions
    assert renamed.remarks == captions.remarks and renamed.recognised == captions.recognised
    first = json.loads(renamed.data)["images"][0]
    assert (first["filepath"], first["filename"]) == ("deep", "1000000_ab.jpg")
    assert renamed.sha256 != captions.sha256
    assert captions.images[0].name == "1000000_ab"


@pytest.mark.parametrize(
    "data, message",
    [
        (
            b"PK\3\4" + bytes(26) + b"[Content_Types].xml",
            r"Excel workbook \(.xlsx\): save it as CSV",
        ),
        (b"PAR1" + bytes(30), "a Parquet table: write it to a CSV file.*read_parquet"),
        (b"PAR1" + bytes(30) + b"image.bytes", "with photographs in it"),
        (b"PAR1" + bytes(30) + b"URL", "image addresses.*--captions FOLDER"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a photograph.*--images"),
        (b"\x1f\x8b" + bytes(40), "a packed file.*unpack"),
        (b"\x80\x04" + bytes(40), "a pickle"),
        ("url,caption\nhttp://a/1.jpg,a dog\n", "a table of image addresses.*img2dataset"),
        ("a dog\thttp://a/1.jpg\na cat\thttps://a/2\n", "a table of image addresses"),
        ("image,caption\nhttp://a/1.jpg,a dog\n", "line 2 names the address"),
        ("a station\thttp://a/1.jpg\na cat\thttps://a/2.jpg\n", "a table of image addresses"),
        ("a.jpg,3\nb.jpg,5\n", "2 of 2 captions hold no word, such as '3' of 'a.jpg'"),
        ("a.jpg,a dog, brown\n", "whose captions hold a comma: put the captions into"),
        ({"image_urls": ["http://a"], "captions": ["x"]}, "no list 'images'"),
        ("a.jpg\nb.jpg\n", "a list of file names.*--splits"),
        ("a.jpg\tb.jpg#2\t1\t1\t1\n", "judgments of captions"),
        ("1\t/9j/4AAQSkZJRg\n", "photographs in base64.*--images"),
        ("<!DOCTYPE html>\n<p>\n", "a web page"),
        ("<annotation>\n</annotation>\n", "XML"),
        ("version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        ("a.jpg,a dog,train\nb.jpg,a cat,val\n", "begin it with .*`filename,caption,split`"),
        ("hello\nthere\n", "names no column filename and no column caption"),
        (
            {"images": [{"file_name": "a", "id": 1}], "annotations": [{"bbox": [1]}]},
            r"objects \(COCO's instances_\*.json\), not captions",
        ),
        ({"images": [{"file_name": "a", "id": 1}]}, "without captions"),
        ({"questions": [{"question": "x"}]}, "questions about photographs"),
        ([{"id": 1, "image": "a.jpg", "conversations": []}], "conversations"),
        ([{"url": "http://a/1.jpg", "caption": "a"}], "image addresses"),
        (
            [{"image": "a.jpg", "words": "a"}],
            "entry 1 has no caption .its keys are 'image', 'words'",
        ),
        (["a.jpg", "b.jpg"], "a list of file names"),
        ([], "an empty list"),
        ([{"image": "a.jpg", "caption": "a"}, 7], "entry 2 is not an object"),
        ([{"image": "a.jpg", "caption": 7}], "entry 1: caption must be text"),
    ],
)
def test_what_is_refused_is_told_what_it_looks_like(tmp_path, data, message):
    if not isinstance(data, bytes):
        data = (data if isinstance(data, str) else json.dumps(data)).encode()
    (tmp_path / "a.dat").write_bytes(data)
    with pytest.raises(InputError, match=f"a.dat.*{message}"):
        Captions.read(tmp_path / "a.dat")


@pytest.mark.parametrize(
    "refused, mended",
    [
        ("a.jpg,a dog,train\n", "filename,caption,split\na.jpg,a dog,train\n"),
        ("a.jpg;7;a dog\n", "filename;other1;caption\na.jpg;7;a dog\n"),
        ("image,caption\na.jpg,a, dog\n", 'image,caption\na.jpg,"a, dog"\n'),
        ("a.jpg,a, dog\n", 'a.jpg,"a, dog"\n'),
        ("what,caption\na.jpg,a dog\n", "filename,caption\na.jpg,a dog\n"),
        ("one\ttwo\na.jpg\ta dog\n", "filename\tcaption\na.jpg\ta dog\n"),
    ],
)
def test_the_mend_works(tmp_path, refused, mended):
    with pytest.raises(InputError):
        read(tmp_path, refused)
    (image,) = read(tmp_path, mended).images
    assert image.name == "a.jpg" and image.sentences[0] in ("a dog", "a, dog")


def test_stairs_words_are_those_it_cut(tmp_path):
    entry = {"image_id": 1, "caption": "男がいる", "tokenized_caption": "男 が いる"}
    document = {"images": [{"file_name": "a.jpg", "id": 1}], "annotations": [entry]}
    (image,) = read(tmp_path, json.dumps(document)).images
    assert image.captions == (("男", "が", "いる"),)


@pytest.mark.parametrize("key", ["name", "title", "description"])
def test_a_document_on_one_line_is_no_line_of_a_table(tmp_path, key):
    document = {
        key: "x",
        "images": [{"file_name": "a.jpg", "id": 1}],
        "annotations": [{"image_id": 1, "caption": "a dog"}],
    }
    assert "COCO" in read(tmp_path, json.dumps(document)).recognised


def test_marks_of_phrases_go(tmp_path):
    captions = read(tmp_path, "a.jpg#0\t[/EN#1/people Two guys] with [/EN#2/other/body hair] .\n")
    assert captions.images[0].sentences == ("Two guys with hair .",)
    assert "Flickr30k Entities" in captions.remarks[0]


@pytest.mark.parametrize(
    "columns",
    [
        {"filename": {"0": "a.jpg", "1": "b.jpg"}, "caption": {"0": "a dog", "1": None}},
        {"id": [1, 2], "image": ["a.jpg", "b.jpg"], "captions": [["a dog"], [None]]},
        {"image": ["a.jpg", "b.jpg"], "caption_1": ["a dog", float("nan")], "caption_2": ["", ""]},
    ],
)
def test_columns_as_pandas_writes_them(tmp_path, columns):
    captions = read(tmp_path, json.dumps(columns))
    assert [(image.name, image.sentences) for image in captions.images] == [("a.jpg", ("a dog",))]
    assert "empty caption" in captions.remarks[0]
