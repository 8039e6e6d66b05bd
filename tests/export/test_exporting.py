"""Exports of tiny models in Paddle's format: held to the package, whole or not at all."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from captioners import save_captioner
from exports import WORDS, deployed, save_photographs
from tiny import save_untrained

from vsepp import load
from vsepp.captioning.options import Decoding
from vsepp.export import checking, exporting
from vsepp.export.description import write_description
from vsepp.export.exporting import export_model
from vsepp.export.graphs import TextGraph
from vsepp.export.narrow_weights import narrowed, widened
from vsepp.export.probes import RealInput, lengths_tried
from vsepp.system.errors import InputError
from vsepp.system.locks import only_one

SENTENCES = ["A red circle!", "the blue stripe, on white", "zebra"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("exports")
    save_untrained(place / "gru.ckpt", WORDS)
    return place


@pytest.fixture(scope="module")
def photographs(place):
    return save_photographs(place / "photographs")


@pytest.fixture(scope="module")
def folder(place, photographs):
    """An export of a GRU."""
    model = load(place / "gru.ckpt")
    pixels = [model.pixels(path) for path in photographs]
    real = RealInput(SENTENCES[:2], pixels, "three pictures")
    found = export_model(model, place / "gru", real=real)
    assert [line.split(":")[0] for line in found.lines] == ["image", "text"]
    return place / "gru"


def test_what_is_deployed_gives_the_packages_codes(place, folder, photographs):
    model, theirs = load(place / "gru.ckpt"), deployed("exported").Exported(folder)

    for photograph in photographs:
        np.testing.assert_array_equal(theirs.pixels(photograph), model.preprocess(photograph)[0])
    images, texts = theirs.encode_images(photographs), theirs.encode_texts(SENTENCES[:2])
    np.testing.assert_allclose(images, model.encode_image(photographs), atol=1e-5)
    np.testing.assert_allclose(texts, model.encode_text(SENTENCES[:2]), atol=1e-5)
    np.testing.assert_allclose(
        theirs.similarity(images, texts), model.similarity(images, texts), atol=1e-6
    )
    assert theirs.indices("A red thing") == model.reader.indices(["A red thing"])[0]
    with pytest.raises(ValueError, match="zebra"):
        theirs.encode_texts(["zebra"])
    wrong = theirs.run["text"](captions=np.array([[4, 4], [1, 1]]), lengths=np.array([3, 2]))[0]
    assert np.isnan(wrong[0]).all() and np.isfinite(wrong[1]).all()


def test_the_description_says_what_is_needed(place, folder):
    about = yaml.safe_load((folder / "inference.yml").read_text("utf-8"))
    model = load(place / "gru.ckpt")

    assert about["checkpoint"]["fingerprint"] == model.fingerprint
    assert about["measure"] == "cosine" and about["preprocessing"]["image_size"] == 32
    assert about["text"]["vocabulary"] == model.vocabulary.words
    assert about["versions"]["paddlepaddle"] and about["checked"]["real_input"] == "three pictures"
    assert {*about["files"], "inference.yml"} == {file.name for file in folder.iterdir()}
    for name, known in about["files"].items():
        content = (folder / name).read_bytes()
        assert known == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    for example in about["text"]["examples"]:
        assert model.reader.indices([example["sentence"]]) == [example["captions"]]


def test_what_stands_there_stays_unless_it_is_forced(place, folder, monkeypatch):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    with pytest.raises(InputError, match="--force"):
        export_model(load(place / "gru.ckpt"), folder)
    (place / "other").mkdir()
    (place / "other" / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match=r"other files than an export, such as letter\.txt"):
        export_model(load(place / "gru.ckpt"), place / "other", force=True)

    monkeypatch.setattr(exporting, "parts_of", lambda *_: [])

    def interrupted(_):
        raise KeyboardInterrupt

    with only_one(place / ".gru.lock", "mine"), pytest.raises(InputError, match="another process"):
        export_model(load(place / "gru.ckpt"), folder, force=True)
    with pytest.raises(KeyboardInterrupt):
        export_model(load(place / "gru.ckpt"), folder, force=True, before_it_stands=interrupted)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    export_model(load(place / "gru.ckpt"), place / "forced")
    (place / ".forced.writing").mkdir()  # of one that was killed
    export_model(load(place / "gru.ckpt"), place / "forced", force=True)
    assert [file.name for file in (place / "forced").iterdir()] == ["inference.yml"]
    assert not list(place.glob(".*"))


@pytest.mark.parametrize(
    "description", ["Global: {model_name: PP-OCRv5}\n", "files: {text.json: {}}\n", "a: [\n"]
)
def test_nothing_of_others_is_replaced(place, tmp_path, description):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "inference.yml").write_text(description)
    (tmp_path / "theirs" / "thesis.txt").write_text("mine")

    with pytest.raises(InputError, match=r"such as thesis\.txt: move them away"):
        export_model(load(place / "gru.ckpt"), tmp_path / "theirs", force=True)

    assert (tmp_path / "theirs" / "thesis.txt").read_text() == "mine"


def test_what_a_killed_run_had_put_aside_stands_again(place, folder, tmp_path, monkeypatch):
    shutil.copytree(folder, tmp_path / ".gru.replaced")
    with pytest.raises(InputError, match="--force replaces it"):
        export_model(load(place / "gru.ckpt"), tmp_path / "gru")
    monkeypatch.setattr(exporting, "parts_of", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        export_model(load(place / "gru.ckpt"), tmp_path / "gru", force=True)

    assert [path.name for path in tmp_path.iterdir()] == ["gru"]
    assert {path.name for path in (tmp_path / "gru").iterdir()} == {
        path.name for path in folder.iterdir()
    }


@pytest.mark.parametrize("out", [".", "..", "{here}"])
def test_the_folder_that_it_runs_in_is_not_replaced(place, tmp_path, monkeypatch, out):
    (tmp_path / "inside").mkdir()
    monkeypatch.chdir(tmp_path / "inside")
    out = Path(out.format(here=tmp_path / "inside"))

    with pytest.raises(InputError, match="the folder that this runs in.*such as --out .*inference"):
        export_model(load(place / "gru.ckpt"), out)


def test_a_disk_of_its_own_is_not_replaced(place, tmp_path, monkeypatch):
    monkeypatch.setattr("os.path.ismount", lambda path: str(path) == str(tmp_path))

    with pytest.raises(InputError, match="a disk of its own.*give a folder on it"):
        export_model(load(place / "gru.ckpt"), tmp_path)


def test_words_that_other_readers_take_for_numbers_are_quoted(place):
    save_untrained(place / "numbers.ckpt", ["1e3", "0o7", 'say "no"', "狗", "null"])
    record = exporting.description(load(place / "numbers.ckpt"), "float32", {}, {}, {}, ())
    (place / "numbers").mkdir()

    write_description(place / "numbers", record, "onnx")

    text = (place / "numbers" / "inference.yml").read_text("utf-8")
    assert '"1e3"' in text and '"0o7"' in text and '"狗"' in text
    assert yaml.safe_load(text)["text"]["vocabulary"] == record["text"]["vocabulary"]


def test_one_that_computes_otherwise_is_not_kept(place, monkeypatch):
    model = load(place / "gru.ckpt")
    _, text = exporting.parts_of(model, None)
    monkeypatch.setattr(exporting, "parts_of", lambda *_: [text])
    monkeypatch.setattr(exporting, "deviations", lambda *_: {"made": 0.02})
    with pytest.raises(InputError, match="2.0e-02"):
        export_model(model, place / "off")
    assert not (place / "off").exists() and not list(place.glob(".off*"))


def test_wrong_rows_must_be_refused():
    def blind(captions, lengths):
        return [np.ones((5, 3), np.float32)]

    assert not checking.refuses_wrong_rows(blind, 9)
    assert checking.deviation(blind(0, 0), [np.full((5, 3), np.nan, np.float32)]) == np.inf
    assert checking.deviation(blind(0, 0), [np.ones((5, 3))]) == np.inf


def test_a_captioner_is_exported_with_its_step(place, photographs):
    path = save_captioner(place / "captioner.ckpt", WORDS)
    model = load(path)
    real = RealInput([], [model.pixels(each) for each in photographs], "three pictures")
    found = export_model(load(path), place / "captioner", real=real)

    assert "sentences of 3 photographs" in found.lines[-1]
    theirs = deployed("exported").Exported(place / "captioner")
    greedy = model.captions_of(photographs, Decoding(beam=1, longest=model.config.max_len))
    ((_, pixels),) = theirs.batches(photographs)
    written = deployed("caption").caption(theirs, pixels)
    assert written == [list(made[0].words) for made in greedy]


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_weights_in_fewer_bytes_are_held_to_what_they_stand_for(precision, place, monkeypatch):
    model = load(place / "gru.ckpt")
    before = model.encode_text(SENTENCES[:2])
    _, text = exporting.parts_of(model, None)
    assert isinstance(text.graph, TextGraph)
    monkeypatch.setattr(exporting, "parts_of", lambda *_: [text])
    found = export_model(model, place / precision, precision=precision)

    about = yaml.safe_load((place / precision / "inference.yml").read_text("utf-8"))
    assert 0 < about["checked"][f"change_by_{precision}"]["text"] < 0.05
    assert precision in found.lines[-1]
    after = found.runs["text"](*model.tokenize(SENTENCES[:2]))[0]
    assert 0 < np.abs(after - before).max() < 0.05
    np.testing.assert_allclose(after, model.encode_text(SENTENCES[:2]), atol=1e-6)


def test_what_rounding_moves_is_said_of_every_graph_of_a_captioner(place, tmp_path):
    path = save_captioner(tmp_path / "captioner.ckpt", WORDS)

    export_model(load(path), tmp_path / "int8", precision="int8")

    about = yaml.safe_load((tmp_path / "int8" / "inference.yml").read_text("utf-8"))
    change = about["checked"]["change_by_int8"]
    assert 1e-5 < change["step"] < 0.1 and change["image"] > 0


@pytest.mark.parametrize("rows", [True, False])
def test_rounding_is_within_half_a_step(rows):
    value = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    value[:, 2] = value[3] = 0
    whole, scale = narrowed(value, "int8", rows)
    assert whole.dtype == np.int8 and scale.shape == ((6, 1) if rows else (1, 4))
    assert (np.abs(widened(whole, scale) - value) <= scale / 2 + 1e-7).all()
    half, scale = narrowed(value * 1e6, "float16", rows)
    assert scale is None and np.isfinite(half).all()


def test_every_length_up_to_a_hundred_is_tried():
    assert lengths_tried(77) == list(range(1, 78))
    assert lengths_tried(512)[-2:] == [496, 512] and lengths_tried(200)[127:] == [
        128,
        144,
        160,
        176,
        192,
        200,
    ]
