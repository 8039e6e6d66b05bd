"""Which models ``demo.py`` serves, of checkpoints that hold next to nothing."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from vsepp.checkpoint import save_checkpoint
from vsepp.cli import demo
from vsepp.cli.checkpoints import add_arguments
from vsepp.cli.command import parser
from vsepp.cli.demo_choice import Choice, choose
from vsepp.cli.search_store import add_store
from vsepp.system.errors import InputError


@pytest.fixture
def place(prepared, tmp_path, monkeypatch):
    """A working directory with the prepared data set ``tiny`` and no models."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(path, dataset="tiny", seconds=0, **config):
    """A checkpoint's file, which counts as written at ``seconds``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(path, {"w": np.zeros(1)}, {"dataset": dataset, **config}, {}, 1, 1)
    os.utime(path, (seconds, seconds))
    return str(path)


def captioner(path, **about):
    return save(path, caption_model="attention", **about)


def chosen(*words):
    commands = parser("")
    add_arguments(commands)
    commands.set_defaults(checkpoint=None)
    add_store(commands)
    for option in ("--index", "--captioner"):
        commands.add_argument(option)
    choice = choose(commands.parse_args(words))
    return tuple(each and str(each) for each in (choice.checkpoint, choice.captioner))


def test_a_captioner_is_served_alone_where_it_is_the_checkpoint(place):
    path = captioner(place / "my.ckpt")
    assert chosen("--checkpoint", path) == (None, path)
    assert chosen("--checkpoint", path, "--dataset", "tiny") == (None, path)
    for value in ("best", "none", path):
        with pytest.raises(InputError, match="is a captioner itself"):
            chosen("--checkpoint", path, "--captioner", value)


def test_beside_a_retrieval_model_is_its_data_sets_newest_best_captioner(place):
    model = save(place / "model" / "tiny" / "best.ckpt", seconds=9)
    assert chosen("--dataset", "tiny") == (str(model).replace(f"{place}/", ""), None)
    captioner(place / "model" / "old" / "best.ckpt", seconds=1)
    captioner(place / "model" / "tiny_caption" / "best.ckpt", seconds=2)
    captioner(place / "model" / "others" / "best.ckpt", dataset="others", seconds=3)
    newest = "model/tiny_caption/best.ckpt"
    for words in ((), ("--captioner", "best"), ("--checkpoint", model)):
        assert chosen("--dataset", "tiny", *words)[1] == newest
    assert chosen("--dataset", "tiny", "--captioner", "none")[1] is None
    other = captioner(place / "other.ckpt")
    assert chosen("--dataset", "tiny", "--captioner", other)[1] == other


def test_a_captioner_that_alone_is_there_is_served_alone(place):
    path = captioner(place / "model" / "tiny_caption" / "best.ckpt")
    assert chosen("--dataset", "tiny") == (None, path.replace(f"{place}/", ""))
    path = captioner(place / "model" / "sample_caption" / "best.ckpt", dataset="sample")
    assert chosen() == (None, path.replace(f"{place}/", ""))


def test_a_captioners_configuration_means_its_captioner(place):
    save(place / "model" / "tiny" / "best.ckpt")
    given = ("--dataset", "tiny", "-o", "caption_model=attention", "image_features=grid")
    given += ("best_checkpoint=model/mine/best.ckpt",)
    with pytest.raises(InputError, match="there is no captioner yet; run .* -c tiny_caption"):
        chosen(*given)
    captioner(place / "model" / "mine" / "best.ckpt")
    assert chosen(*given) == (None, "model/mine/best.ckpt")


def test_mistakes_with_captioners_are_one_sentence(place):
    model = save(place / "model" / "tiny" / "best.ckpt")
    for words, said in (
        (("--captioner", "best"), "-c tiny_caption"),
        (("--captioner", "none.ckpt"), "none.ckpt does not exist: give a captioner's file"),
        (("--captioner", model), "is a retrieval model, which finds sentences and writes none"),
        (("--captioner", __file__), "truncated or not a checkpoint"),
    ):
        with pytest.raises(InputError, match=said) as error:
            chosen("--dataset", "tiny", *words)
        assert "\n" not in str(error.value)


def test_an_index_is_not_searched_with_a_captioner(place, monkeypatch):
    path = captioner(place / "my.ckpt")
    monkeypatch.setattr("vsepp.index.photographs.PhotographIndex", lambda *folder: [1])
    with pytest.raises(InputError, match="searches nothing: give it with --captioner"):
        chosen("--index", "some", "--checkpoint", path)


def test_a_captioner_that_is_of_no_use_is_left_out_unless_it_was_asked_for(monkeypatch, capsys):
    def open_captioner(*given, **named):
        raise InputError("it does not hold its network.")

    monkeypatch.setattr(demo, "open_captioner", open_captioner)
    found = Choice(None, "some.ckpt", None, "captioner.ckpt", is_asked_for=False)
    answers = SimpleNamespace(photographs=())
    assert demo._open_captions(None, found, answers, None) is None
    assert capsys.readouterr().err == "no captions: it does not hold its network.\n"
    with pytest.raises(InputError, match="does not hold"):
        demo._open_captions(None, found._replace(is_asked_for=True), answers, None)
