"""The tutorial's checkpoint: its network is built from Paddle's own models, as its readers do."""

import pickle

import numpy as np
import paddle
import pytest
from convert.documents import VSEPP, HeadInside, batch, save, words
from paddle import nn
from paddle.vision import models
from PIL import Image
from tiny import word_list

from vsepp import load, load_checkpoint
from vsepp.config import Config, apply
from vsepp.convert.tutorial import convert_tutorial
from vsepp.convert.tutorial_names import image_names
from vsepp.data.transforms import CenterCrop
from vsepp.models.backbones import BACKBONES
from vsepp.models.encoders import encoders_for_training
from vsepp.models.losses import TripletNetLoss
from vsepp.models.state import set_state
from vsepp.models.vsepp import BACKBONE, build_model
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
    theirs = dict(network.named_parameters()).values()
    assert len(theirs) == len(before)
    moved = 0
    expected = {value.name: value.numpy() for value in theirs}
    for name, value in model.named_parameters():
        their_name = _their_name(name, network)
        np.testing.assert_allclose(value.numpy(), expected[their_name], atol=1e-6, err_msg=name)
        moved += not np.array_equal(value.numpy(), before[name])
    assert moved > (50 if finetuned else 10)


def _their_name(name, network):
    """Paddle's name of the parameter of a wrapped ResNet-18 that is ours called ``name``."""
    children = [child for child, _ in models.resnet18(pretrained=False).named_children()]
    layer = {"embedding": "embed", "gru": "rnn"}
    if name.startswith(BACKBONE):
        child, _, rest = name[len(BACKBONE) :].partition(".")
        layer, rest = network.image_extractor.net[children.index(child)], rest
        return dict(layer.named_parameters())[rest].name
    half, part, rest = name.split(".", 2)
    return dict(getattr(network, half).named_parameters())[f"{layer.get(part, part)}.{rest}"].name
