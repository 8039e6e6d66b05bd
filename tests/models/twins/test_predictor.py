"""The fast way through a frozen backbone gives what the slow one gives."""

import numpy as np
import paddle
import pytest

from vsepp.data.transforms import normalize
from vsepp.models.backbones import build_backbone
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.system.errors import InputError
from vsepp.system.threads import computes_in_bfloat16

SIZE, BATCH = 64, 4


@pytest.fixture(scope="module", params=["shufflenet_v2_x0_25", "resnet18"])
def backbone(request):
    paddle.seed(0)
    network = build_backbone(request.param)
    # Statistics as after training, so that batch-norm is not the identity.
    network.train()
    network(paddle.to_tensor(normalize(pixels(16, seed=9))))
    return network


@pytest.fixture(scope="module")
def predictor(backbone):
    return BackbonePredictor(backbone, SIZE, BATCH)


def pixels(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)


def eager(backbone, images):
    backbone.eval()
    with paddle.no_grad():
        return backbone(paddle.to_tensor(normalize(images))).numpy()


@pytest.mark.parametrize("count", [1, BATCH, 2 * BATCH + 3])
def test_features_are_those_of_the_network_itself(backbone, predictor, count):
    images = pixels(count)

    found = predictor(images)

    expected = eager(backbone, images)
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    assert np.ptp(expected, axis=1).min() > 0


def test_features_do_not_depend_on_the_batch(predictor):
    images = pixels(BATCH + 1)

    together = predictor(images)
    apart = np.concatenate([predictor(images[row : row + 1]) for row in range(len(images))])

    np.testing.assert_allclose(apart, together, rtol=1e-5, atol=1e-6 * np.abs(together).max())


def test_earlier_results_stay_as_they_were(predictor):
    first = predictor(pixels(BATCH))
    kept = first.copy()

    predictor(pixels(BATCH, seed=1))

    np.testing.assert_array_equal(first, kept)


def test_the_network_is_left_in_evaluation_mode(backbone, predictor):
    assert not any(layer.training for layer in backbone.sublayers(include_self=True))


@pytest.mark.skipif(not computes_in_bfloat16(), reason="needs a processor with bfloat16")
def test_features_in_bfloat16_point_the_same_way(backbone):
    images = pixels(BATCH + 1)

    found = BackbonePredictor(backbone, SIZE, BATCH, "bfloat16")(images)

    expected = eager(backbone, images)
    cosines = (
        (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    )
    assert cosines.min() >= 0.999 and not np.array_equal(found, expected)


def test_bfloat16_is_refused_where_the_processor_lacks_it(backbone, monkeypatch):
    monkeypatch.setattr("vsepp.models.twins.predictor.computes_in_bfloat16", lambda: False)

    with pytest.raises(InputError, match="backbone_precision=float32"):
        BackbonePredictor(backbone, SIZE, BATCH, "bfloat16")
