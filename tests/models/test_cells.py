"""A backbone's last map, cell by cell: what the pool would have averaged."""

import numpy as np
import paddle
import pytest

from vsepp.models.backbones import BACKBONES, build_backbone, check_grid, feature_size
from vsepp.models.cells import Cells, count_cells
from vsepp.models.state import get_state, set_state
from vsepp.models.twins.predictor import BackbonePredictor
from vsepp.system.errors import InputError

#: one of each way in which Paddle's networks end; a map of two cells a side and more at 64 pixels
ENDS = ("resnet18", "mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_25", "googlenet")
VGG = ("vgg13", "vgg16", "vgg19")
TINY = "shufflenet_v2_x0_25"


def images(batch, size):
    rows = np.random.default_rng(0).standard_normal((batch, 3, size, size))
    return paddle.to_tensor(rows.astype(np.float32))


def pair(name, grid=0):
    paddle.seed(0)
    vector = build_backbone(name)
    cells = build_backbone(name, grid)
    set_state(cells, get_state(vector), "the other")  # which has the same names
    vector.eval()
    cells.eval()
    return vector, cells


@pytest.mark.parametrize(
    "name", [*ENDS, *(pytest.param(n, marks=pytest.mark.slow) for n in ("densenet121",))]
)
def test_the_cells_average_to_the_features(name):
    vector, cells = pair(name)
    with paddle.no_grad():
        expected, found = vector(images(2, 96)).numpy(), cells(images(2, 96)).numpy()

    assert found.dtype == np.float32 and found.shape[2] == feature_size(name)
    assert found.shape[1] >= 4 and np.ptp(found, axis=1).max() > 0
    np.testing.assert_allclose(found.mean(1), expected, atol=1e-5 * np.abs(expected).max())


def test_fewer_cells_are_averages_of_the_maps_own_row_by_row():
    maps = np.arange(2 * 3 * 4 * 4, dtype=np.float32).reshape(2, 3, 4, 4)

    whole = Cells()(paddle.to_tensor(maps)).numpy()
    found = Cells(2)(paddle.to_tensor(maps)).numpy()

    np.testing.assert_array_equal(whole, maps.reshape(2, 3, 16).transpose(0, 2, 1))
    blocks = maps.reshape(2, 3, 2, 2, 2, 2).mean(axis=(3, 5)).reshape(2, 3, 4)
    np.testing.assert_allclose(found, blocks.transpose(0, 2, 1))


def test_a_grid_larger_than_the_map_is_refused():
    backbone = build_backbone(TINY, 3)

    assert count_cells(build_backbone(TINY, 0), 64) == 4
    assert count_cells(backbone, 96) == 9
    with pytest.raises(InputError, match=r"image_grid: the map has 2 cells.* image_grid=2 or less"):
        count_cells(backbone, 64)


@pytest.mark.parametrize("name", [name for name, entry in BACKBONES.items() if not entry.pool])
def test_a_backbone_without_a_map_is_refused(name):
    for refuse in (check_grid, lambda name: build_backbone(name, 0)):
        with pytest.raises(InputError, match=f"image_features: {name} .*image_features=global"):
            refuse(name)


def test_alexnet_alone_has_no_map():
    assert {name for name, entry in BACKBONES.items() if not entry.pool} == {"alexnet"}


@pytest.mark.parametrize("name", ["vgg11", *(pytest.param(n, marks=pytest.mark.slow) for n in VGG)])
def test_vggs_cells_are_the_map_before_its_last_pool(name):
    backbone = build_backbone(name, 0)
    backbone.eval()
    batch = images(1, 64)
    vector = getattr(paddle.vision.models, name)(num_classes=0)
    vector.features.set_state_dict(backbone.features.state_dict())
    with paddle.no_grad():
        pooled, cells = vector.features(batch).numpy(), backbone(batch).numpy()

    assert not any(key.startswith("classifier") for key in backbone.state_dict())
    assert cells.shape == (1, 16, feature_size(name, grid=True)) and feature_size(name) == 4096
    blocks = cells.reshape(1, 2, 2, 2, 2, 512).max(axis=(2, 4))
    np.testing.assert_array_equal(blocks.transpose(0, 3, 1, 2), pooled)


def test_the_fast_way_through_a_backbone_gives_cells_too():
    _, cells = pair(TINY, 2)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    predictor = BackbonePredictor(cells, 64, 2)

    from vsepp.data.transforms import normalize

    with paddle.no_grad():
        expected = cells(paddle.to_tensor(normalize(pixels))).numpy()
    found = predictor(pixels)
    assert found.shape == (3, 4, 512)
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
