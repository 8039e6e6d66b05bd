"""The tutorial's checkpoint: its network is built from Paddle's own models, as its readers do."""

import pickle

import numpy as np
import paddle
import pytest
from convert.documents import VSEPP, HeadInside, batch, save, words
from paddle import nn
from paddle.utils import unique_name
from paddle.vision import models
from PIL import Image
from tiny import word_list

from vsepp import create_dataset, load, load_checkpoint
from vsepp.cli.train import main as train_tool
from vsepp.config import Config, apply
from vsepp.convert.tutorial import convert_tutorial
from vsepp.convert.tutorial_names import image_names
from vsepp.data.transforms import CenterCrop
from vsepp.models.backbones import BACKBONES, build_backbone
from vsepp.models.encoders import encoders_for_training
from vsepp.models.losses import TripletNetLoss
from vsepp.models.state import get_state, set_state
from vsepp.models.vsepp import build_model
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import fingerprint
from vsepp.text.vocabulary import Vocabulary
from vsepp.training.optimizer import get_optimizer, restore_optimizer

WORDS = 9


@pytest.fixture
def vocabulary(tmp_path):
    path = tmp_path / "vocab.json"
    words(WORDS).save(path)
    return path


def adam(network, learning_rate=1e-3):
    return paddle.optimizer.Adam(
        learning_rate, parameters=network.parameters(), grad_clip=nn.ClipGradByGlobalNorm(2.0)
    )


def train(network, optimizer, seeds, side=64, still=()):
    """A step of the documents' loop for each seed; layers in ``still`` are only evaluated."""
    loss = TripletNetLoss(hard_negative=True)
    network.train()
    for layer in still:
        layer.eval()
    for seed in seeds:
        loss(*network(*batch(4, WORDS, side, seed))).backward()
        optimizer.step()
        optimizer.clear_grad()


# ---- the network ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, layers, how",
    [
        ("resnet18", 1, {}),
        ("resnet50", 2, {}),
        ("resnet18", 1, {"image_extractor": HeadInside}),
        pytest.param("vgg11", 1, {}, marks=pytest.mark.slow),
        pytest.param("vgg11", 1, {"image_extractor": HeadInside}, marks=pytest.mark.slow),
    ],
)
def test_codes_are_those_of_the_documents_network(name, layers, how, tmp_path, vocabulary):
    network = VSEPP(WORDS, 3, 4, layers, name, **how)
    train(network, paddle.optimizer.SGD(1e-3, network.parameters()), range(1))  # moves statistics
    network.eval()
    save(network, tmp_path / "theirs.ckpt")

    convert_tutorial(tmp_path / "theirs.ckpt", vocabulary, tmp_path / "ours.ckpt")

    model = load(tmp_path / "ours.ckpt")
    assert (model.config.image_model, model.config.num_layers) == (name, layers)
    pixels = np.random.default_rng(0).integers(0, 256, (260, 300, 3), dtype=np.uint8)
    photograph = Image.fromarray(pixels)
    caption = words(WORDS).encode(["w1", "w3"])
    images, texts = network(
        paddle.to_tensor(CenterCrop()(photograph)[None]),
        paddle.to_tensor([caption]),
        paddle.to_tensor([len(caption)]),
    )
    np.testing.assert_allclose(model.encode_image(photograph), images.numpy(), atol=1e-5)
    np.testing.assert_allclose(model.encode_text("w1 w3"), texts.numpy(), atol=1e-5)


def shapes(layer, prefix="image_extractor."):
    return {prefix + name: tuple(value.shape) for name, value in layer.state_dict().items()}


@pytest.mark.parametrize(
    "name", ["resnet152", "resnet101", "vgg16", "vgg19", "wide_resnet50_2", "mobilenet_v3_small"]
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_network_is_known_by_names_and_shapes(name, wrapped):
    with paddle.LazyGuard():
        layer = nn.Layer()
        layer.net = getattr(models, name)(pretrained=False)
        if name.startswith("vgg"):
            layer.net.classifier = nn.Sequential(*list(layer.net.classifier.children())[:-1])
        if wrapped:
            children = list(layer.net.children())
            layer.net = nn.Sequential(*(children if name.startswith("vgg") else children[:-1]))
        elif not name.startswith("vgg"):
            layer.net.__delattr__(list(dict(layer.net.named_children()))[-1])
        layer.fc = nn.Linear(BACKBONES[name].feature_size, 6)

    found = image_names(shapes(layer))

    assert found.backbone == name
    assert sorted(found.theirs.values()) == sorted(shapes(layer))
    first = next(name for name in found.theirs.values() if name.startswith("image_extractor.net."))
    assert first.split(".")[2].isdigit() == wrapped
    assert found.theirs["image_extractor.fc.bias"] == "image_extractor.fc.bias"


def test_a_part_of_a_larger_network_is_not_taken_for_it():
    """Every parameter of ResNet-50 has its place in ResNet-101."""
    with paddle.LazyGuard():
        layer = nn.Layer()
        layer.net = nn.Sequential(*list(models.resnet101(pretrained=False).children())[:-1])
        layer.fc = nn.Linear(2048, 6)
    given = shapes(layer)
    last = max(name for name in given if name.startswith("image_extractor.net.6."))
    del given[last]

    assert image_names(given) is None


# ---- epoch, step, optimizer ----------------------------------------------------------------


@pytest.mark.parametrize("finetuned", [True, False])
@pytest.mark.parametrize("names", ["kept", "lost"])
def test_the_next_step_is_the_one_they_would_make(finetuned, names, tmp_path, vocabulary):
    network = VSEPP(WORDS, 3, 4, 2, "resnet18", finetuned)
    adam(network)  # of the same parameters: the numbers behind Paddle's names go up
    optimizer = adam(network)
    train(network, optimizer, range(3))
    save(network, tmp_path / "theirs.ckpt", optimizer, epoch=3, step=70)
    if names == "lost":
        given = paddle.load(str(tmp_path / "theirs.ckpt"), return_numpy=True)
        (tmp_path / "theirs.ckpt").write_bytes(pickle.dumps(given))

    said = convert_tutorial(tmp_path / "theirs.ckpt", vocabulary, tmp_path / "ours.ckpt")

    ours = load_checkpoint(tmp_path / "ours.ckpt")
    assert (ours["epoch"], ours["step"]) == (4, 70)  # theirs counts from 0, ours what has begun
    assert "-o checkpoint=" in said
    assert ours["config"]["finetuned"] == finetuned
    assert (ours["position"]["epoch"], ours["position"]["step_in_epoch"]) == (4, 0)
    config = apply(Config(), {**ours["config"], "learning_rate": 1e-3}, "the test")
    model = build_model(*encoders_for_training(config, word_list(WORDS)), with_weights=False)
    set_state(model, ours["model"], "ours.ckpt")
    resumed = get_optimizer(model, config)
    restore_optimizer(model, resumed, ours["optimizer"], ours["position"]["epoch"])
    before = {name: value.numpy() for name, value in model.named_parameters()}
    # Ours keeps the statistics of a frozen backbone, theirs does not.
    train(network, optimizer, [7], still=() if finetuned else (network.image_extractor.net,))
    train(model, resumed, [7])
    found = by_layer(model.image_extractor.backbone, model)
    expected = by_layer(network.image_extractor.net, network)
    assert len(found) == len(expected) == len(before)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), atol=1e-6)
    moved = [not np.array_equal(value.numpy(), before[name])
             for name, value in model.named_parameters()]  # fmt: skip
    assert sum(moved) > (50 if finetuned else 10)


def by_layer(backbone, model):
    """The parameters of a model in an order that does not depend on names."""
    return [
        *backbone.parameters(),
        *model.image_extractor.fc.parameters(),
        *model.text_extractor.parameters(),
    ]


def without(slot, parameter):
    """An optimizer's state that lacks one entry."""

    def change(state):
        return {key: value for key, value in state.items() if f"{parameter}_{slot}" not in key}

    return change


@pytest.mark.parametrize(
    "change",
    [
        without("moment2", "conv2d_3.w_0"),
        without("beta1_pow_acc", "embedding_0.w_0"),
        without("moment", "linear_1.b_0"),
        lambda state: {**state, "conv2d_0.w_0_moment1_0": np.zeros(3, np.float32)},
        lambda state: {"anything": 1},
    ],
)
def test_an_incomplete_state_is_left_behind(change, tmp_path, vocabulary):
    with unique_name.guard():
        network = VSEPP(WORDS, 3, 4, 1, "resnet18")
    optimizer = adam(network)
    train(network, optimizer, range(1), side=32)
    contents = {"epoch": 0, "step": 0, "model": network.state_dict()}
    state = change(optimizer.state_dict())
    assert state.keys() != optimizer.state_dict().keys() or "conv2d_0.w_0_moment1_0" in state
    paddle.save({**contents, "optimizer": state}, str(tmp_path / "theirs.ckpt"))

    said = convert_tutorial(tmp_path / "theirs.ckpt", vocabulary, tmp_path / "ours.ckpt")

    ours = load_checkpoint(tmp_path / "ours.ckpt")
    assert "optimizer" not in ours and "position" not in ours
    assert "left behind" in said and "init_from=" in said


@pytest.mark.slow
def test_training_goes_on_with_the_epoch_after_theirs(data_set, tmp_path, run_tool):
    """In the configuration that fits: here of another network, so the rest is as documented."""
    splits = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    sentences = [[f"picture {place} has {word}" for word in "abcde"] for place in range(8)]
    folder = data_set(
        [(f"{place}.png", split, sentences[place]) for place, split in enumerate(splits)],
        "flickr8k",
    )
    create_dataset(str(folder.parent), "flickr8k", min_word_count=0)
    vocabulary = Vocabulary.load(folder / "vocab.json")
    network = VSEPP(len(vocabulary), 3, 4, 1, "resnet18")
    optimizer = adam(network)
    train(network, optimizer, range(2))
    save(network, tmp_path / "theirs.ckpt", optimizer, epoch=1, step=60)
    convert_tutorial(tmp_path / "theirs.ckpt", folder / "vocab.json", tmp_path / "ours.ckpt")

    run_tool(
        train_tool, "--data-dir", folder.parent, "--dataset", "flickr8k", "-o",
        f"checkpoint={tmp_path / 'ours.ckpt'}", "image_model=resnet18", "word_dim=3",
        "embed_size=4", "num_epochs=3", "pretrained=false", "workers=0", "log_step=1",
        f"run_dir={tmp_path / 'runs'}", f"last_checkpoint={tmp_path / 'last.ckpt'}",
        f"best_checkpoint={tmp_path / 'best.ckpt'}",
    )  # fmt: skip

    log = next((tmp_path / "runs").rglob("log.txt")).read_text()
    assert "epoch 3/3 step 1/1" in log and "epoch 2/3" not in log
    last = load_checkpoint(tmp_path / "last.ckpt")
    power = last["optimizer"]["beta1_pow_acc_0"]["text_extractor.embedding.weight"]
    np.testing.assert_allclose(power, 0.9**4, rtol=1e-5)  # Paddle begins with 0.9: three steps


def test_weights_alone_are_a_checkpoint_without_epochs(tmp_path, vocabulary):
    network = VSEPP(WORDS, 3, 4, 1, "resnet18")
    paddle.save(network.state_dict(), str(tmp_path / "theirs.pdparams"))

    said = convert_tutorial(tmp_path / "theirs.pdparams", vocabulary, tmp_path / "ours.ckpt")

    ours = load_checkpoint(tmp_path / "ours.ckpt")
    assert (ours["epoch"], ours["step"], ours["config"]["image_model"]) == (0, 0, "resnet18")
    assert "no optimizer" in said


def test_a_frozen_backbone_is_named_with_its_fingerprint(tmp_path, vocabulary):
    network = VSEPP(WORDS, 3, 4, 1, "resnet18", finetuned=False)
    optimizer = adam(network)
    train(network, optimizer, range(1), side=32, still=[network.image_extractor.net])
    save(network, tmp_path / "theirs.ckpt", optimizer)

    convert_tutorial(tmp_path / "theirs.ckpt", vocabulary, tmp_path / "ours.ckpt")

    backbone = build_backbone("resnet18")
    for own, theirs in zip(backbone.parameters(), network.image_extractor.net.parameters()):
        own.set_value(theirs)
    origin = load_checkpoint(tmp_path / "ours.ckpt")["backbone"]
    assert origin["backbone"] == "resnet18" and origin["feature_size"] == 512
    assert origin["fingerprint"] == fingerprint(get_state(backbone))


# ---- what is refused -----------------------------------------------------------------------


def heads(**changes):
    """The weights of a model over features, some of them changed or taken away (None)."""
    weights = {
        "image_extractor.fc.weight": np.zeros((6, 4), np.float32),
        "image_extractor.fc.bias": np.zeros(4, np.float32),
        "text_extractor.embed.weight": np.zeros((WORDS, 3), np.float32),
        "text_extractor.rnn.weight_ih_l0": np.zeros((12, 3), np.float32),
        "text_extractor.rnn.weight_hh_l0": np.zeros((12, 4), np.float32),
        "text_extractor.rnn.bias_ih_l0": np.zeros(12, np.float32),
        "text_extractor.rnn.bias_hh_l0": np.zeros(12, np.float32),
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    return {name: value for name, value in weights.items() if value is not None}


def test_a_model_over_features_needs_no_backbone(tmp_path, vocabulary):
    (tmp_path / "t.ckpt").write_bytes(pickle.dumps({"model": heads(), "epoch": 0, "step": 5}))

    convert_tutorial(tmp_path / "t.ckpt", vocabulary, tmp_path / "ours.ckpt")

    model = load(tmp_path / "ours.ckpt")
    assert model.encode_features(np.ones((2, 6), np.float32)).shape == (2, 4)
    assert model.encode_text("w1").shape == (1, 4)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"text_extractor__embed__weight": None}, "lacks the word embedding"),
        ({"text_extractor__rnn__weight_hh_l0": None}, "lacks the GRU"),
        ({"image_extractor__fc__weight": None}, "none of the networks"),
        ({"image_extractor__fc__bias": None}, "lacks image_extractor.fc.bias"),
        ({"text_extractor__rnn__bias_ih_l0": None}, "lacks text_extractor.gru.bias_ih_l0"),
        (
            {"text_extractor__rnn__weight_hh_l0": np.zeros((16, 4), np.float32)},
            "text_extractor.rnn.weight_hh_l0 has the shape (16, 4) instead of (12, 4)",
        ),
        (
            {"text_extractor__rnn__weight_hh_l0_reverse": np.zeros((12, 4), np.float32)},
            "the parameter text_extractor.rnn.weight_hh_l0_reverse",
        ),
        ({"image_extractor__bn__weight": np.zeros(4, np.float32)}, "none of the networks"),
        ({"image_extractor__net__0__weight": np.zeros((4, 3, 7, 7))}, "none of the networks"),
        ({"image_extractor__fc__weight": np.zeros((5, 50_000), np.float32)}, "has the shape"),
        ({"text_extractor__embed__weight": np.full((WORDS, 3), np.nan)}, "holds NaN or infinity"),
        ({"text_extractor__embed__weight": np.full((WORDS, 3), 1e300)}, "holds NaN or infinity"),
        ({"text_extractor__embed__weight": np.zeros((WORDS, 3), complex)}, "is complex128"),
        ({"discriminator__weight": np.zeros(4, np.float32)}, "discriminator.weight, which"),
        ({"text_extractor__embed__weight": np.zeros((WORDS + 2, 3))}, "has 9 words"),
    ],
)
def test_what_is_not_the_tutorials_is_refused_in_a_sentence(changes, said, tmp_path, vocabulary):
    path = tmp_path / "t.ckpt"
    path.write_bytes(pickle.dumps({"model": heads(**changes), "epoch": 0, "step": 5}))

    with pytest.raises(InputError) as refused:
        convert_tutorial(path, vocabulary, tmp_path / "ours.ckpt")

    message = str(refused.value)
    assert said in message
    assert "t.ckpt" in message and message.endswith(".") and "\n" not in message
    assert not (tmp_path / "ours.ckpt").exists()


@pytest.mark.parametrize("count", ("5", 1.7, True, -2, 10**18, float("nan"), None, [1]))
@pytest.mark.parametrize("key", ("epoch", "step"))
def test_what_is_no_count_is_refused(key, count, tmp_path, vocabulary):
    path = tmp_path / "t.ckpt"
    path.write_bytes(pickle.dumps({"model": heads(), "epoch": 0, "step": 5, key: count}))

    with pytest.raises(InputError, match="is damaged, or of another program"):
        convert_tutorial(path, vocabulary, tmp_path / "ours.ckpt")
    assert not (tmp_path / "ours.ckpt").exists()
