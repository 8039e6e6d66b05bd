"""Our checkpoints under the tutorial's names, for the documents' own loop, and back."""

import numpy as np
import paddle
import pytest
from convert.documents import VSEPP, batch, words
from paddle.utils import unique_name
from tiny import word_list

from vsepp import load_checkpoint
from vsepp.checkpoint import save_checkpoint
from vsepp.config import Config, apply
from vsepp.convert.to_tutorial import export_tutorial
from vsepp.convert.tutorial import convert_tutorial
from vsepp.models.encoders import encoders_for_training
from vsepp.models.losses import TripletNetLoss
from vsepp.models.state import get_state
from vsepp.models.vsepp import build_model
from vsepp.system.errors import InputError
from vsepp.training.optimizer import get_optimizer, optimizer_state
from vsepp.training.position import Position

WORDS = 9
OPTIONS = dict(image_model="resnet18", word_dim=3, embed_size=4, num_layers=2, pretrained=False)


def train(network, optimizer, seeds):
    loss = TripletNetLoss(hard_negative=True)
    network.train()
    for seed in seeds:
        loss(*network(*batch(4, WORDS, seed=seed))).backward()
        optimizer.step()
        optimizer.clear_grad()


def written(path, steps=2, position=None, **options):
    """A model of ours that made some steps, its optimizer, and its checkpoint at ``path``."""
    config = apply(Config(), {**OPTIONS, "learning_rate": 1e-3, **options}, "the test")
    # A step divides a gradient by its own size: where one is hardly more than rounding, other
    # starting weights would take the two networks further apart than the tests allow.
    paddle.seed(0)
    model = build_model(*encoders_for_training(config, word_list(WORDS)))
    optimizer = get_optimizer(model, config)
    train(model, optimizer, range(steps))
    more = {"position": vars(position)} if position else {}
    save_checkpoint(
        path,
        get_state(model),
        config.to_dict(),
        words(WORDS).word_to_index,
        epoch=5,
        step=70,
        optimizer=optimizer_state(model, optimizer) if position else None,
        **more,
    )
    return model, optimizer


def test_the_documents_loop_goes_on_as_ours_does(tmp_path):
    model, optimizer = written(tmp_path / "last.ckpt", position=Position(epoch=4, step=70))

    said = export_tutorial(tmp_path / "last.ckpt", tmp_path / "theirs.ckpt")

    given = paddle.load(str(tmp_path / "theirs.ckpt"))
    assert set(given) == {"epoch", "step", "model", "optimizer"}
    assert (given["epoch"], given["step"]) == (3, 70)  # four are done: theirs goes on with 4
    assert "Adam's state" in said
    with unique_name.guard():  # as in a process of its own
        network = VSEPP(WORDS, 3, 4, 2, "resnet18")
        assert network.set_state_dict(given["model"]) == ([], [])
        theirs = paddle.optimizer.Adam(
            1e-3, parameters=network.parameters(), grad_clip=paddle.nn.ClipGradByGlobalNorm(2.0)
        )
        theirs.set_state_dict(given["optimizer"])
        train(network, theirs, [7])
    train(model, optimizer, [7])
    pairs = [
        (model.image_extractor.backbone, network.image_extractor.net),
        (model.image_extractor.fc, network.image_extractor.fc),
        (model.text_extractor, network.text_extractor),
    ]
    for ours, other in pairs:
        assert len(ours.parameters()) == len(other.parameters())
        for own, expected in zip(ours.parameters(), other.parameters()):
            np.testing.assert_allclose(own.numpy(), expected.numpy(), atol=1e-6)


def test_a_schedule_of_theirs_takes_the_rate_that_comes_next(tmp_path):
    written(tmp_path / "last.ckpt", position=Position(epoch=15, step=70), lr_update=15)

    export_tutorial(tmp_path / "last.ckpt", tmp_path / "theirs.ckpt")

    stored = paddle.load(str(tmp_path / "theirs.ckpt"))["optimizer"]["LR_Scheduler"]
    assert stored["last_epoch"] == 15 and stored["last_lr"] == pytest.approx(5e-4)


@pytest.mark.parametrize(
    "position, epoch, running",
    [
        (None, 5, 4),
        (Position(epoch=4, step=70), 4, 3),
        (Position(epoch=4, step_in_epoch=3, step=70), 5, 4),
    ],
)
def test_there_and_back_nothing_is_lost(position, epoch, running, tmp_path):
    written(tmp_path / "in.ckpt", position=position)
    words(WORDS).save(tmp_path / "vocab.json")

    export_tutorial(tmp_path / "in.ckpt", tmp_path / "theirs.ckpt")
    convert_tutorial(tmp_path / "theirs.ckpt", tmp_path / "vocab.json", tmp_path / "out.ckpt")

    before, after = load_checkpoint(tmp_path / "in.ckpt"), load_checkpoint(tmp_path / "out.ckpt")
    assert paddle.load(str(tmp_path / "theirs.ckpt"))["epoch"] == running
    assert (after["epoch"], after["step"]) == (epoch, 70)
    assert after["vocab"] == before["vocab"] and after["fingerprint"] == before["fingerprint"]
    assert ("optimizer" in after) == bool(position)
    for slot, values in before.get("optimizer", {}).items():
        assert set(values) == set(after["optimizer"][slot])
        for name, value in values.items():
            np.testing.assert_array_equal(after["optimizer"][slot][name], value)
    if position:
        assert after["position"]["epoch"] == running + 1


@pytest.mark.parametrize("changes", [dict(optimizer="adamw"), dict(warmup_steps=3)])
def test_an_optimizer_that_the_documents_do_not_know_stays_behind(changes, tmp_path):
    path = tmp_path / "last.ckpt"
    written(path, position=Position(epoch=4, step=70))
    contents = load_checkpoint(path)
    contents["config"].update(changes)
    contents.pop("format"), contents.pop("fingerprint")
    save_checkpoint(path, **contents)

    said = export_tutorial(path, tmp_path / "theirs.ckpt")

    assert "the optimizer's state stayed behind" in said
    assert paddle.load(str(tmp_path / "theirs.ckpt"))["optimizer"] == {}


def test_what_the_npair_loss_learned_stands_beside_the_tutorials_names(tmp_path):
    written(tmp_path / "in.ckpt", steps=0, loss="npair")
    words(WORDS).save(tmp_path / "vocab.json")

    export_tutorial(tmp_path / "in.ckpt", tmp_path / "theirs.ckpt")
    convert_tutorial(tmp_path / "theirs.ckpt", tmp_path / "vocab.json", tmp_path / "out.ckpt")

    given = paddle.load(str(tmp_path / "theirs.ckpt"))["model"]
    network = VSEPP(WORDS, 3, 4, 2, "resnet18")
    assert network.set_state_dict(given) == ([], ["logit_scale"])  # nothing missing
    before, after = load_checkpoint(tmp_path / "in.ckpt"), load_checkpoint(tmp_path / "out.ckpt")
    assert after["config"]["loss"] == "npair"
    assert after["fingerprint"] == before["fingerprint"]
    assert set(after["model"]) == set(before["model"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg11", "resnet152"])
def test_the_names_are_those_of_the_documents_network(name, tmp_path):
    config = apply(Config(), {**OPTIONS, "image_model": name}, "the test")
    model = build_model(*encoders_for_training(config, word_list(WORDS)))
    vocabulary = words(WORDS).word_to_index
    path = tmp_path / "in.ckpt"
    save_checkpoint(path, get_state(model), config.to_dict(), vocabulary, epoch=1, step=1)

    export_tutorial(path, tmp_path / "theirs.ckpt")

    with unique_name.guard():
        network = VSEPP(WORDS, 3, 4, 2, name)
    names = {name: value.name for name, value in network.state_dict().items()}
    given = paddle.load(str(tmp_path / "theirs.ckpt"))["model"]
    assert {name: value.name for name, value in given.items()} == names
    assert network.set_state_dict(given) == ([], [])


@pytest.mark.parametrize(
    "options, said",
    [
        ({"measure": "order"}, "measure = 'order'"),
        ({"use_abs": True}, "use_abs = True"),
        ({"image_features": "grid"}, "image_features = 'grid'"),
        ({"projection": "residual"}, "projection = 'residual'"),
        ({"text_pooling": "max"}, "text_pooling = 'max'"),
        ({"normalize_images": False}, "normalize_images = False"),
        ({"normalize_features": True}, "normalize_features = True"),
    ],
)
def test_a_model_that_the_tutorial_does_not_know_is_refused(options, said, tmp_path):
    written(tmp_path / "in.ckpt", steps=0, **options)

    with pytest.raises(InputError) as refused:
        export_tutorial(tmp_path / "in.ckpt", tmp_path / "theirs.ckpt")

    message = str(refused.value)
    assert said in message and "in.ckpt" in message and "\n" not in message
    assert not (tmp_path / "theirs.ckpt").exists()


def test_a_model_over_features_is_refused(tmp_path):
    config = apply(Config(), OPTIONS, "the test")
    state = get_state(build_model(*encoders_for_training(config, word_list(WORDS), 6)))
    vocabulary = words(WORDS).word_to_index
    path = tmp_path / "in.ckpt"
    save_checkpoint(path, state, config.to_dict(), vocabulary, epoch=1, step=1)

    with pytest.raises(InputError, match="holds no backbone"):
        export_tutorial(path, tmp_path / "theirs.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text_model": "bert"}, "was trained with text_model = 'bert'"),
        ({"embed_size": 60_000}, "has the shape"),  # refused before such layers are made
        ({"num_layers": 100}, "lacks the parameter .*_l99"),
    ],
)
def test_a_configuration_that_is_not_the_weights_is_refused(changes, message, tmp_path):
    path = tmp_path / "last.ckpt"
    written(path, steps=0)
    given = load_checkpoint(path)
    config = {**given["config"], **changes}
    save_checkpoint(path, given["model"], config, given["vocab"], 1, 2)

    with pytest.raises(InputError, match=message):
        export_tutorial(path, tmp_path / "theirs.ckpt")


@pytest.mark.parametrize("wrong", ("shape", "parameter", "slot", "NaN"))
def test_an_optimizer_that_is_not_the_models_is_refused(wrong, tmp_path):
    path = tmp_path / "last.ckpt"
    written(path, steps=1, position=Position())
    given = load_checkpoint(path)
    moments = given["optimizer"]["moment1_0"]
    name = "text_extractor.embedding.weight"
    if wrong == "shape":
        moments[name] = moments[name][:2]
    elif wrong == "parameter":
        del moments[name]
    elif wrong == "slot":
        del given["optimizer"]["beta1_pow_acc_0"]
    else:
        moments[name] = moments[name] * np.nan
    save_checkpoint(path, **{key: given[key] for key in SAVED})

    with pytest.raises(InputError, match="does not belong to its weights"):
        export_tutorial(path, tmp_path / "theirs.ckpt")
    assert not (tmp_path / "theirs.ckpt").exists()


SAVED = ("model", "config", "vocab", "epoch", "step", "optimizer", "position")


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": float("nan")},
        {"epoch": 2.0},
        {"epoch": -1},
        {"epoch": 2**60},
        {"step_in_epoch": "1"},
        {"step": True},
        {"best_rsum": None},
        {"history": {}},
    ],
)
def test_a_position_that_is_none_is_refused(changes):
    stored = {**Position().stored(), **changes}

    with pytest.raises(InputError, match="malformed 'position'"):
        Position.restored(stored, "last.ckpt")
