"""Which file ``best`` is, and that it is said where it is not the documented one."""

import os

import numpy as np
import pytest

from vsepp.checkpoint import save_checkpoint
from vsepp.cli.checkpoints import add_arguments, checkpoint_path, has_checkpoint, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration
from vsepp.system.errors import InputError

SPECIAL = {"<pad>": 0, "<unk>": 1, "<start>": 2, "<end>": 3}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(path, age=0, dataset="pets", caption_model=None, **more):
    """A checkpoint that was written ``age`` seconds ago."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    config = {"dataset": dataset, "caption_model": caption_model}
    save_checkpoint(path, {"x": np.ones(1)}, config, SPECIAL, 1, 1, **more)
    os.utime(path, (10**9 - age, 10**9 - age))


def find(*argv, name="best", any_dataset=False, kind="retrieval"):
    arguments = parser("A tool.").parse_args(argv)
    return str(checkpoint_path(name, arguments, configuration(arguments), any_dataset, kind))


def test_the_documented_path_goes_before_newer_ones_in_silence(capsys):
    write("model/vsepp/best_pets.ckpt", age=60)
    write("model/other/best.ckpt")

    assert find("--dataset", "pets") == "model/vsepp/best_pets.ckpt"
    assert capsys.readouterr() == ("", "")


def test_else_the_newest_of_the_data_set_is_taken_and_named(capsys):
    write("model/old/best.ckpt", age=60)
    write("model/new/best.ckpt", age=30)
    write("model/cars/best.ckpt", dataset="cars")
    write("model/words/best.ckpt", task="caption")
    os.makedirs("model/broken")
    open("model/broken/best.ckpt", "w").close()

    assert find("--dataset", "pets") == "model/new/best.ckpt"
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("best: model/new/best.ckpt, the newest")
    assert find("--dataset", "birds", any_dataset=True) == "model/cars/best.ckpt"


@pytest.mark.parametrize("given", [["-c", "pets_paper"], ["-o", "best_checkpoint=my/best.ckpt"]])
def test_a_configuration_that_is_chosen_means_its_own(given):
    write("model/new/best.ckpt")

    with pytest.raises(InputError, match="best.*ckpt does not exist"):
        find("--dataset", "pets", *given)


def test_there_may_be_none():
    with pytest.raises(
        InputError, match="run `python tools/train.py --dataset pets --data-dir 'a b'"
    ):
        find("--dataset", "pets", "--data-dir", "a b")
    with pytest.raises(InputError, match="last_pets.ckpt does not exist"):
        find("--dataset", "pets", name="last")


def test_a_file_is_itself():
    write("mine.d/x.ckpt")

    assert find(name="mine.d/x.ckpt") == "mine.d/x.ckpt"
    with pytest.raises(InputError, match="none.ckpt does not exist"):
        find(name="none.ckpt")


def test_whether_there_is_one_is_asked_in_silence(capsys):
    arguments = parser("A tool.").parse_args(["--dataset", "pets"])
    assert not has_checkpoint("best", arguments, configuration(arguments))

    write("model/new/best.ckpt")
    assert has_checkpoint("best", arguments, configuration(arguments))
    assert not has_checkpoint("last", arguments, configuration(arguments))
    assert capsys.readouterr() == ("", "")


def test_a_tool_takes_the_newest_of_its_kind(capsys):
    write("model/vsepp/best_pets.ckpt", age=60)
    write("model/captions/best.ckpt", age=30, caption_model="attention")
    write("model/older/best.ckpt", age=40, caption_model="addnorm")
    write("model/new/best.ckpt")

    assert find("--dataset", "pets") == "model/vsepp/best_pets.ckpt"
    assert find("--dataset", "pets", kind=None) == "model/vsepp/best_pets.ckpt"
    assert capsys.readouterr() == ("", "")
    assert find("--dataset", "pets", kind="captioner") == "model/captions/best.ckpt"
    said = capsys.readouterr().err
    assert (
        "the newest captioner there is, since model/vsepp/best_pets.ckpt is a retrieval model"
        in said
    )


def test_a_captioner_at_the_documented_path_is_none_of_retrieval(capsys):
    write("model/vsepp/best_pets.ckpt", caption_model="attention")
    arguments = parser("A tool.").parse_args(["--dataset", "pets"])

    assert find("--dataset", "pets", kind="captioner") == "model/vsepp/best_pets.ckpt"
    assert not has_checkpoint("best", arguments, configuration(arguments))
    with pytest.raises(InputError, match="best_pets.ckpt is a captioner, .*caption.py"):
        find("--dataset", "pets")
    write("model/new/best.ckpt")
    assert find("--dataset", "pets") == "model/new/best.ckpt"
    assert has_checkpoint("best", arguments, configuration(arguments))
    assert "is a captioner" in capsys.readouterr().err


def test_there_may_be_no_captioner():
    train = "train.py -c pets_caption` first"
    with pytest.raises(InputError, match=f"does not exist: there is no captioner yet; .*{train}"):
        find("--dataset", "pets", kind="captioner")
    write("model/vsepp/best_pets.ckpt")
    with pytest.raises(
        InputError, match=f"is a retrieval model: there is no captioner yet; .*{train}"
    ):
        find("--dataset", "pets", kind="captioner")


@pytest.mark.parametrize("able", [True, False])
def test_another_precision_than_the_one_asked_for_is_said(able, monkeypatch, capsys):
    from vsepp.retrieval import networks

    monkeypatch.setattr(networks, "computes_in_bfloat16", lambda: able)
    os.makedirs("mine")
    values = {"dataset": "pets", "backbone_precision": "bfloat16"}
    save_checkpoint("mine/x.ckpt", {"x": np.ones(1)}, values, SPECIAL, 1, 1)
    tool = parser("A tool.")
    add_arguments(tool)
    arguments = tool.parse_args(["--checkpoint", "mine/x.ckpt", "-o", "device=cpu"])

    model = open_model(arguments, configuration(arguments))

    captured = capsys.readouterr()
    assert captured.out == "" and model.precision == ("bfloat16" if able else "float32")
    assert (captured.err == "") == able
    assert able or "mine/x.ckpt asks for backbone_precision bfloat16" in captured.err
    assert able or "photographs are encoded in float32" in captured.err


@pytest.mark.parametrize(
    ("dataset", "said"),
    [("pets", "trained on pets\n"), ("sample", "trained on the drawn scenes of the sample alone")],
)
def test_the_model_is_named_where_nothing_names_it(dataset, said, capsys):
    write("model/vsepp/best_sample.ckpt", dataset=dataset)
    tool = parser("A tool.")
    add_arguments(tool)
    arguments = tool.parse_args(["-o", "device=cpu"])

    config = configuration(arguments)
    open_model(arguments, config)
    open_model(arguments, config, "model/vsepp/best_sample.ckpt", any_dataset=True)
    assert capsys.readouterr() == ("", "")

    open_model(arguments, config, any_dataset=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"model: model/vsepp/best_sample.ckpt, {said}")
