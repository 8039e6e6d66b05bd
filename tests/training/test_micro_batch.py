"""The gradient of a large batch, computed slice by slice, is that of the whole."""

import numpy as np
import paddle
import pytest
from tiny import make_config, make_data

from vsepp import TripletNetLoss, train
from vsepp.models.recomputing import recompute_blocks
from vsepp.models.vsepp import VSEPP
from vsepp.training.micro_batch import hold_batch_statistics, seed_from, sliced_codes

BATCH = 6


def model(backbone):
    paddle.seed(3)
    network = VSEPP(20, 5, 8, 1, backbone, finetuned=True, pretrained=False)
    network.train()
    hold_batch_statistics(network)
    return network


def batch(side):
    generator = np.random.default_rng(1)
    return (
        paddle.to_tensor(generator.normal(size=(BATCH, 3, side, side)).astype(np.float32)),
        paddle.to_tensor(generator.integers(1, 20, (BATCH, 4))),
        paddle.to_tensor(np.array([4, 2, 3, 4, 1, 2])),
    )


def gradients(network):
    return {
        name: parameter.grad.numpy()
        for name, parameter in network.named_parameters()
        if not parameter.stop_gradient
    }


def whole_batch(network, inputs):
    loss = TripletNetLoss(hard_negative=True)(*network(*inputs))
    loss.backward()
    return float(loss), gradients(network)


def assert_close(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        scale = max(np.abs(gradient).max(), 1e-6)
        assert np.abs(found[1][name] - gradient).max() <= 1e-5 * scale, name


@pytest.mark.parametrize("size", [1, 4, 100])
def test_slices_give_the_whole_batch_its_gradient(size):
    images, captions, lengths = inputs = batch(32)
    expected = whole_batch(model("resnet18"), inputs)
    sliced = model("resnet18")

    codes, hand_on = sliced_codes(sliced.image_extractor, images, size, (0, 0))
    loss = TripletNetLoss(hard_negative=True)(codes, sliced.text_extractor(captions, lengths))
    loss.backward()
    hand_on()

    assert_close((float(loss), gradients(sliced)), expected)


def test_dropout_falls_alike_in_both_passes():
    network = model("shufflenet_v2_x0_25")
    images = batch(32)[0][:2]
    features = paddle.nn.Linear(3 * 32 * 32, 512)
    network.image_extractor.backbone = paddle.nn.Sequential(
        paddle.nn.Flatten(), paddle.nn.Dropout(0.5), features
    )
    weights = paddle.arange(16, dtype="float32").reshape([2, 8])

    codes, hand_on = sliced_codes(network.image_extractor, images, 2, (5, 7))
    (codes * weights).sum().backward()
    hand_on()
    found = features.weight.grad.numpy()
    network.clear_gradients()
    seed_from(5, 7, 0)
    again = network.image_extractor(images)
    (again * weights).sum().backward()

    assert np.array_equal(again.numpy(), codes.numpy())
    assert np.array_equal(found, features.weight.grad.numpy()) and found.any()


def test_held_statistics_do_not_move():
    network = model("resnet18")
    before = {name: value.numpy() for name, value in network.state_dict().items()}
    assert any("_variance" in name for name in before)

    network(*batch(32))

    for name, value in network.state_dict().items():
        assert np.array_equal(value.numpy(), before[name]), name


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2", "shufflenet_v2_x0_25"])
def test_recomputed_blocks_give_the_same_gradients(backbone):
    inputs = batch(32)
    expected = whole_batch(model(backbone), inputs)
    recomputed = model(backbone)

    blocks = recompute_blocks(recomputed.image_extractor.backbone)

    assert blocks == {"resnet18": 8, "mobilenet_v2": 19, "shufflenet_v2_x0_25": 0}[backbone]
    assert_close(whole_batch(recomputed, inputs), expected)


def test_recomputed_blocks_answer_without_gradients_too():
    network = model("resnet18")
    images = batch(32)[0]
    with paddle.no_grad():
        expected = network.image_extractor(images).numpy()
        recompute_blocks(network.image_extractor.backbone)

        assert np.array_equal(network.image_extractor(images).numpy(), expected)


def test_a_run_in_slices_trains_as_one_with_held_statistics(tmp_path):
    data = make_data(tmp_path / "data")
    results = []
    for name, size in (("slices", 3), ("whole", 8)):
        config = make_config(
            data,
            tmp_path / name,
            finetuned=True,
            num_epochs=1,
            micro_batch_size=size,
            recompute=True,
        )
        results.append(train(config))

    assert results[0] == results[1]
