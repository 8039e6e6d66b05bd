"""How captions are cut goes with a data set, and from there with a checkpoint to its queries."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from conftest import SHAPES, draw_picture, sentences_about
from PIL import Image

from vsepp import calc_recall, load, load_checkpoint
from vsepp.cli.command import run as status_of
from vsepp.cli.convert import main as convert
from vsepp.cli.eval import main as evaluate
from vsepp.cli.infer import main as infer
from vsepp.cli.prepare import main as prepare
from vsepp.cli.train import main as train
from vsepp.retrieval.gallery import open_gallery
from vsepp.system.errors import InputError
from vsepp.text.vocabulary import Vocabulary

GOLDEN = Path(__file__).parents[1] / "golden"
CHINESE = [("红色", "red"), ("绿色", "green"), ("蓝色", "blue"), ("白色", "white")]
TINY = [
    "word_dim=8",
    "embed_size=16",
    "batch_size=4",
    "num_epochs=1",
    "evaluate_step=100",
    "finetuned=false",
    "device=cpu",
]


@pytest.fixture
def run(run_tool):
    return run_tool


def write_precomp(folder):
    """Features of four shapes in each split, as the authors publish such data."""
    folder.mkdir()
    lines = [text for shape in SHAPES for text in sentences_about("red", shape)]
    for split in ("train", "dev", "test"):
        np.save(folder / f"{split}_ims.npy", np.eye(4, 6, dtype=np.float32))
        (folder / f"{split}_caps.txt").write_text("\n".join(lines) + "\n")
    return folder


def write_table(captions, name="pets"):
    """A table of `[(split, caption), …]`, each of its own picture; arguments that prepare it."""
    rows = [f'{place}.png,{split},"{caption}"' for place, (split, caption) in enumerate(captions)]
    Path(f"{name}.csv").write_text("\n".join(["filename,split,caption", *rows]), encoding="utf-8")
    Path("photos").mkdir(exist_ok=True)
    for place in range(len(captions)):
        Image.new("RGB", (20, 20), (20 * place, 9, 9)).save(f"photos/{place}.png")
    return [
        "--captions",
        f"{name}.csv",
        "--images",
        "photos",
        "--min-word-count",
        0,
        "--captions-per-image",
        1,
    ]


ENGLISH = [
    ("train", "The dog's bowl isn't red."),
    ("train", "A cat, a dog"),
    ("val", "A cat!"),
    ("test", "A dog?"),
]


def prepared(folder="data/pets"):
    return json.loads(Path(folder, "prepared.json").read_text())


def words_of(folder="data/pets"):
    return Vocabulary.load(f"{folder}/vocab.json").words[1:-3]


@pytest.mark.parametrize(
    "arguments, name, words",
    [
        ([], "words", "the dog s bowl isn t red a cat"),
        (["--tokenizer", "auto"], "words", "the dog s bowl isn t red a cat"),
        (["--tokenizer", "treebank"], "treebank", "the dog 's bowl is n't red . a cat , !"),
    ],
)
def test_a_table_is_cut_as_asked_for(run, arguments, name, words):
    run(prepare, *write_table(ENGLISH), *arguments)
    assert words_of() == words.split()
    assert prepared()["options"]["tokenizer"] == name
    assert json.loads(Path("data/pets/dataset_pets.json").read_text())["tokenizer"] == name
    assert json.loads(Path("data/pets/test_sentences.json").read_text()) == ["A dog?"]
    assert "left as it is" in run(prepare, *write_table(ENGLISH), *arguments)[1]
    assert (
        "left as it is"
        in run(prepare, "--dataset", "pets", "--min-word-count", 0, "--captions-per-image", 1)[1]
    )


def test_another_tokenizer_needs_force_and_the_table(run):
    table = write_table(ENGLISH)
    run(prepare, *table)
    with pytest.raises(InputError, match="tokenizer words instead of treebank.*--force"):
        run(prepare, *table, "--tokenizer", "treebank")
    with pytest.raises(InputError, match="was cut into words by the tokenizer words, not treebank"):
        run(prepare, "--dataset", "pets", "--tokenizer", "treebank", "--force")
    run(prepare, *table, "--tokenizer", "treebank", "--force")
    assert "n't" in words_of()


def test_an_unknown_tokenizer_is_refused_with_the_nearest(run):
    with pytest.raises(InputError, match="no tokenizer 'treebnk' .the nearest is treebank"):
        run(prepare, "--tokenizer", "treebnk")


def write_karpathy(**more):
    sentence = {"tokens": ["a", "b-c"], "raw": "A b-c!", "imgid": 0, "sentid": 0}
    content = {
        "dataset": "own",
        "images": [
            {
                "imgid": 0,
                "filename": "0.png",
                "split": "train",
                "sentids": [0],
                "sentences": [sentence],
            }
        ],
        **more,
    }
    Path("dataset_own.json").write_text(json.dumps(content))
    draw_picture(Path("photos/0.png"), "red", "square")
    return ["--captions", "dataset_own.json", "--images", "photos", "--min-word-count", 0]


@pytest.mark.parametrize(
    "arguments, name, words",
    [
        ([], "words", ["a", "b-c"]),
        (["--tokenizer", "words"], "words", ["a", "b-c"]),
        (["--tokenizer", "treebank"], "treebank", ["a", "b-c", "!"]),
    ],
)
def test_a_karpathy_jsons_own_words_stay_unless_it_is_to_be_cut_anew(run, arguments, name, words):
    run(prepare, *write_karpathy(), *arguments)
    assert words_of("data/own") == words
    assert prepared("data/own")["options"]["tokenizer"] == name
    run(prepare, *write_karpathy(), *arguments)  # what is prepared so is left as it is
    with pytest.raises(InputError, match="--force"):
        run(prepare, *write_karpathy(), "--tokenizer", "treebank" if name == "words" else "words")


def test_a_json_that_names_a_strange_tokenizer_wants_to_be_told(run):
    own = write_karpathy(tokenizer=["spacy"])
    with pytest.raises(InputError, match="dataset_own.json: its 'tokenizer'.*--tokenizer"):
        run(prepare, *own)
    run(prepare, *own, "--tokenizer", "words")


def forget_the_tokenizer(folder):
    """Make a data set what it was before there was a choice of tokenizers."""
    path = Path(folder) / "prepared.json"
    content = json.loads(path.read_text())
    assert content["options"].pop("tokenizer") == "words"
    json_path = path.with_name(f"dataset_{path.parent.name}.json")
    if json_path.exists():
        data = json.loads(json_path.read_text(encoding="utf-8"))
        data.pop("tokenizer")
        json_path.write_text(json.dumps(data, ensure_ascii=False) + "\n", encoding="utf-8")
        content["options"]["captions_sha256"] = hashlib.sha256(json_path.read_bytes()).hexdigest()
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    "captions",
    [ENGLISH, [("train", "两只狗"), ("val", "狗"), ("test", "狗")]],
    ids=["English", "Chinese"],
)
def test_what_was_prepared_before_there_was_a_choice_is_recognised(run, captions):
    table = write_table(captions)
    run(prepare, *table, "--tokenizer", "words")
    forget_the_tokenizer("data/pets")
    before = words_of()
    for tokenizer in ([], ["--tokenizer", "words"]):
        for arguments in (table, ["--dataset", "pets", *table[4:]]):
            assert "left as it is" in run(prepare, *arguments, *tokenizer)[1]
    Path("data/pets/test_data.json").unlink()  # to be written again, with the words it had
    run(prepare, *table)
    assert words_of() == before and prepared()["options"]["tokenizer"] == "words"


def test_features_prepared_before_there_was_a_choice_are_recognised(run):
    write_precomp(Path("f_precomp"))
    run(prepare, "--precomp", "f_precomp", "--tokenizer", "words")
    forget_the_tokenizer("data/f_precomp")
    assert "left as it is" in run(prepare, "--precomp", "f_precomp")[1]
    with pytest.raises(InputError, match="tokenizer words instead of treebank"):
        run(prepare, "--precomp", "f_precomp", "--tokenizer", "treebank")


def test_a_malformed_prepared_json_is_named(run):
    run(prepare, *write_table(ENGLISH))
    content = prepared()
    content["options"]["tokenizer"] = "spacy"
    Path("data/pets/prepared.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="prepared.json: there is no tokenizer 'spacy'"):
        open_gallery(None, "data/pets", "test")


def test_training_hands_the_tokenizer_on_to_queries(run):
    run(prepare, "--precomp", write_precomp(Path("f_precomp")), "--min-word-count", 0)
    run(train, "--dataset", "f_precomp", "-o", *TINY)
    for kind in ("best", "last"):
        assert load_checkpoint(f"model/vsepp/{kind}_f_precomp.ckpt")["tokenizer"] == "treebank"
    model = load("model/vsepp/best_f_precomp.ckpt")
    assert model.unknown_words("A red frame isn't here.") == ["n't", "."]
    answer = run(infer, "--dataset", "f_precomp", "--text", "a red frame, isn't it?")
    assert answer[0].startswith("not in the vocabulary, so not understood: ,, n't, it")


def test_a_checkpoint_without_a_tokenizer_means_words(tmp_path):
    from vsepp.checkpoint import save_checkpoint

    vocabulary = Vocabulary.build([["a", "dog"]], 0).word_to_index
    save_checkpoint(tmp_path / "a.ckpt", {"w": np.zeros(1)}, {}, vocabulary, 1, 1)
    assert load(tmp_path / "a.ckpt").unknown_words("A dog's!") == ["s"]
    save_checkpoint(tmp_path / "a.ckpt", {"w": np.zeros(1)}, {}, vocabulary, 1, 1, tokenizer="b")
    with pytest.raises(InputError, match="a.ckpt: there is no tokenizer 'b'"):
        load(tmp_path / "a.ckpt")
    save_checkpoint(tmp_path / "a.ckpt", {"w": np.zeros(1)}, {}, vocabulary, 1, 1, tokenizer=3)
    with pytest.raises(InputError, match="a.ckpt has a malformed 'tokenizer'"):
        load(tmp_path / "a.ckpt")


# ---- the authors' checkpoint over the authors' data -------------------------------------------


def write_golden(folder, golden):
    """Images that the authors' code was run on, each with a caption as they publish it.

    Returns the captions as the authors' tokenizer cuts them.
    """
    captions = [
        [f"word{index - 4}" for index in caption[:length] if index >= 4]
        for caption, length in zip(golden["captions"], golden["lengths"])
    ]
    lines = [f"{' '.join(words).capitalize()}, isn't it?" for words in captions]
    folder.mkdir()
    for split in ("train", "dev", "test"):
        np.save(folder / f"{split}_ims.npy", golden["features"])
        (folder / f"{split}_caps.txt").write_text("\n".join(lines) + "\n")
    return [[*words, ",", "is", "n't", "it", "?"] for words in captions]


@pytest.mark.parametrize("name", ["small", "2layer"])
def test_the_authors_checkpoint_is_scored_on_the_authors_data(run, name):
    theirs, golden = GOLDEN / f"authors_{name}_checkpoint", np.load(GOLDEN / f"authors_{name}.npz")
    captions = write_golden(Path("g_precomp"), golden)
    run(
        convert,
        "--authors",
        theirs / "model_best.pth.tar",
        "--vocab",
        theirs / "f8k_precomp_vocab.pkl",
        "ours.ckpt",
    )
    assert load_checkpoint("ours.ckpt")["tokenizer"] == "treebank"
    run(prepare, "--precomp", "g_precomp", "--min-word-count", 0)

    lines = run(
        evaluate,
        "--dataset",
        "g_precomp",
        "--checkpoint",
        "ours.ckpt",
        "--json",
        "scores.json",
        "-o",
        "device=cpu",
    )

    model, words = load("ours.ckpt"), sum(map(len, captions))
    assert lines[0] == (
        "g_precomp has another vocabulary than ours.ckpt: the sentences of its test split are cut "
        "by the checkpoint's tokenizer treebank and encoded with its vocabulary, which lacks "
        f"{500 * len(captions) / words:.1f} % of their words"
    )
    known = model.vocabulary.word_to_index
    texts = model.encode_indices(
        [[1, *(known.get(word, 3) for word in caption), 2] for caption in captions]
    )
    expected = calc_recall(golden["vsepp/final_image_emb"], texts, 1)
    scores = json.loads(Path("scores.json").read_text())
    found = [scores[way][f"R@{k}"] for k in (1, 5, 10) for way in ("i2t", "t2i")]
    np.testing.assert_allclose(found, expected)


def test_codes_of_earlier_features_are_not_used(run):
    theirs, golden = GOLDEN / "authors_small_checkpoint", np.load(GOLDEN / "authors_small.npz")
    write_golden(Path("g_precomp"), golden)
    run(
        convert,
        "--authors",
        theirs / "model_best.pth.tar",
        "--vocab",
        theirs / "f8k_precomp_vocab.pkl",
        "ours.ckpt",
    )
    run(prepare, "--precomp", "g_precomp")
    open_gallery(load("ours.ckpt"), "data/g_precomp", "test")
    np.save("g_precomp/test_ims.npy", golden["features"][::-1])
    run(prepare, "--precomp", "g_precomp", "--force")
    images = open_gallery(load("ours.ckpt"), "data/g_precomp", "test").images
    np.testing.assert_allclose(images, golden["vsepp/final_image_emb"][::-1], atol=1e-5)


def test_the_authors_checkpoint_is_not_scored_on_other_features(run, capsys):
    theirs = GOLDEN / "authors_small_checkpoint"
    run(
        convert,
        "--authors",
        theirs / "model_best.pth.tar",
        "--vocab",
        theirs / "f8k_precomp_vocab.pkl",
        "ours.ckpt",
    )
    run(prepare, "--precomp", write_precomp(Path("f_precomp")))
    assert status_of(evaluate, ["--dataset", "f_precomp", "--checkpoint", "ours.ckpt"]) == 2
    assert "features must be of shape [n, 24]" in capsys.readouterr().err


# ---- Chinese ---------------------------------------------------------------------------------


def test_chinese_from_a_table_to_an_answer(run, capsys):
    shapes = {"方块": "square", "边框": "frame", "条纹": "stripe"}
    rows = []
    for place, (colour, ink) in enumerate(CHINESE):
        for shape, drawn in shapes.items():
            file = f"{ink}_{drawn}.png"
            draw_picture(Path("photos", file), ink, drawn)
            split = "val" if place == 3 else "test" if drawn == "frame" else "train"
            rows += [
                f"{file},{split},{caption}"
                for caption in (f"一个{colour}的{shape}。", f"图片里有一个{colour}{shape}")
            ]
    Path("zh.csv").write_text("filename,split,caption\n" + "\n".join(rows), encoding="utf-8")
    run(
        prepare,
        "--captions",
        "zh.csv",
        "--images",
        "photos",
        "--min-word-count",
        0,
        "--captions-per-image",
        2,
    )
    assert prepared("data/zh")["options"]["tokenizer"] == "jieba"
    assert {"红色", "的", "方块", "边框"} <= set(words_of("data/zh"))
    assert not {"。", "一个红色的方块"} & set(words_of("data/zh"))

    tiny = [
        "captions_per_image=2",
        "image_model=shufflenet_v2_x0_25",
        "pretrained=false",
        "resize=36",
        "image_size=32",
        *TINY,
    ]
    run(train, "--dataset", "zh", "-o", *tiny)
    assert load_checkpoint("model/vsepp/best_zh.ckpt")["tokenizer"] == "jieba"
    model = load("model/vsepp/best_zh.ckpt")
    gallery = open_gallery(model, "data/zh", "test")
    np.testing.assert_allclose(model.encode_text(gallery.sentences), gallery.texts, atol=1e-6)

    answer = run(infer, "--dataset", "zh", "--text", "红色的老虎边框！")
    assert answer[0] == "not in the vocabulary, so not understood: 老虎"
    assert status_of(infer, ["--dataset", "zh", "--text", "老虎"]) == 2
    assert "none of the words of '老虎'" in capsys.readouterr().err
