"""Every tool takes every kind of model, and models of several kinds are averaged."""

import json

import numpy as np
import pytest
from kinds import save_kind
from tiny import make_data

pytest.importorskip("tokenizers")

from vsepp import load
from vsepp.cli import eval as eval_command
from vsepp.cli import infer, info, report, search
from vsepp.cli.command import run
from vsepp.data.dataset import open_dataset
from vsepp.demo import examples
from vsepp.demo.answers import QueryAnswerer
from vsepp.demo.searched import SplitPhotographs, SplitSentences
from vsepp.retrieval.gallery import open_gallery
from vsepp.system.errors import InputError
from vsepp.text.reader import WordReader

WORDS = ("bigru", "grid")  # kinds that know a list of words
FLIPPED = ("grid", "bert_grid")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("kinds")
    make_data(place)
    return place


@pytest.fixture(scope="module")
def checkpoint_of(place):
    """A function from a kind to its checkpoint, which is made once."""
    data = WordReader(open_dataset(place / "tiny", "train").vocabulary)
    made = {}

    def checkpoint_of(kind):
        if kind not in made:
            made[kind] = save_kind(place / f"{kind}.ckpt", kind, data)
        return made[kind]

    return checkpoint_of


@pytest.fixture
def ask(place, checkpoint_of, capsys):
    """Run a tool over a model of a kind: (exit status, output, errors)."""

    def ask(tool, kind, *words):
        there = ["--dataset", "tiny", "--data-dir", str(place), "-o", "device=cpu"]
        words = ["--checkpoint", checkpoint_of(kind), *map(str, words), *there]
        capsys.readouterr()
        return (run(tool.main, words), *capsys.readouterr())

    return ask


@pytest.mark.parametrize(
    "kind", ["bigru", "bert", "grid", "bert_grid", "order_bert", "chinese_clip"]
)
def test_every_tool_takes_it(kind, ask, place, checkpoint_of, tmp_path, capsys):
    picture = place / "tiny" / "images" / "17.png"
    model = load(checkpoint_of(kind))
    gallery = open_gallery(model, place / "tiny", "test")

    status, said, _ = ask(eval_command, kind, "--hubness", "--json", tmp_path / "scores.json")
    assert status == 0 and "with hubness correction" in said and "another vocabulary" not in said
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert ("mirror image" in scores["protocol"]) == (kind in FLIPPED)

    page = tmp_path / "page.html"
    assert ask(report, kind, "--queries", "1", "--out", page)[0] == 0
    assert f'rsum</th><td colspan="2">{scores["rsum"]:.1f}' in page.read_text("utf-8")

    status, said, _ = ask(infer, kind, "--text", "a red zebra")
    best = gallery.find_images(model.encode_text("a red zebra")[0], 1)
    assert status == 0 and said.splitlines()[-4].endswith(gallery.dataset.image_name(best[0][0]))
    assert ("zebra" in said.splitlines()[0] and "not understood" in said) == (kind in WORDS)
    status, said, _ = ask(infer, kind, "--image", picture, "--top-k", "1")
    best = gallery.find_sentences(gallery.images[1], 1)
    assert status == 0 and said.splitlines()[-1].endswith(gallery.sentences[best[0][0]])
    status, said, _ = ask(infer, kind, "--image", picture, "--labels", "red", "blue")
    odds = model.classify(picture, ["red", "blue"])
    assert status == 0 and f"{odds['red']:.4f}" in said and f"{odds['blue']:.4f}" in said
    assert ("their size says little" in said) == (model.config.loss == "triplet")
    status, _, error = ask(infer, kind, "--text", "☃")
    assert status == 2 and error.count("\n") == 1 and "☃" in error

    answers = QueryAnswerer(model, SplitPhotographs(gallery), SplitSentences(gallery))
    answers.warm_up()
    for sentence in examples.example_sentences(answers):
        assert answers.search_by_sentence(sentence, 2).remark == ""
    assert answers.search_by_image(str(picture), 1).found[0].name == "17.png"
    assert answers.sentences_for(str(picture), 1).found[0][0] == gallery.sentences[best[0][0]]
    with pytest.raises(InputError) as refused:
        answers.label(str(picture), "red, ☃")
    assert ("training captions" in str(refused.value)) == (kind in WORDS)

    assert info.main([checkpoint_of(kind)]) == 0
    about = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert about["tokenizer"].strip() == ("words" if kind in WORDS else "WordPiece")
    assert ("longest sentence" in about) == (kind not in WORDS)


def test_folders_are_searched_with_cells_subwords_and_mirror_images(
    place, checkpoint_of, tmp_path, capsys
):
    images, index = place / "tiny" / "images", str(tmp_path / "index")
    own = checkpoint_of("bert_grid")
    (tmp_path / "bank.txt").write_text("a red square\nblue stripe\n")

    def ask(*words):
        assert run(search.main, [*words, "-o", "device=cpu"]) == 0
        return capsys.readouterr().out.splitlines()

    ask("index", str(images), "--checkpoint", own, "--out", index)
    like = ask("query", index, "--image", str(images / "03.png"), "--top-k", "1")
    assert like[-1].split() == ["1", "1.000", "03.png"]
    plain = ask("query", index, "a red square", "--top-k", "20")
    bank = str(tmp_path / "bank.txt")
    corrected = ask("query", index, "a red square", "--top-k", "20", "--hubness", bank)
    assert sorted(line[-6:] for line in plain[3:]) == sorted(line[-6:] for line in corrected[3:])
    assert plain[3:] != corrected[3:]


@pytest.mark.parametrize(
    "kinds", [("gru", "bert", "clip", "bert_grid"), ("order", "order_bert")], ids="+".join
)
def test_models_of_several_kinds_are_averaged(kinds, ask, place, checkpoint_of, tmp_path):
    first, *others = kinds
    saved, written = tmp_path / "ranks.npz", tmp_path / "scores.json"
    more = ["--ensemble", *map(checkpoint_of, others), "--compare", checkpoint_of(others[0])]
    more += ["--equal-captions", "right", "--hubness", "2", "--ranks", saved, "--json", written]

    status, said, _ = ask(eval_command, first, *more)

    table = 0
    for kind in kinds:  # each reads the captions in its own way
        model = load(checkpoint_of(kind))
        gallery = open_gallery(model, place / "tiny", "test")
        assert gallery.images.shape == (4, model.embed_size)
        table = table + model.similarity(gallery.images, gallery.texts).astype(float)
    with np.load(saved) as ranks:
        for caption, rank in enumerate(ranks["t2i"]):
            wrong = np.delete(table[:, caption], caption // 5)
            assert rank == (wrong >= table[caption // 5, caption]).sum()
    scores = json.loads(written.read_text())
    assert status == 0 and scores["compare"]["checkpoint"] == checkpoint_of(others[0])
    assert len(scores["ensemble"]) == len(kinds) == len({*scores["fingerprint"].split("+")})
    assert scores["hubness"]["temperature"] == 2


def test_measures_are_not_mixed(ask, checkpoint_of):
    status, _, error = ask(eval_command, "order", "--ensemble", checkpoint_of("bert"))
    assert status == 2 and "an ensemble cannot mix the measures cosine and order" in error
