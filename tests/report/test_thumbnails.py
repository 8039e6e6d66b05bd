import base64
import io
from types import SimpleNamespace

import pytest
from PIL import Image, ImageOps

from vsepp.report.pictures import whole_within
from vsepp.report.thumbnails import Thumbnails


def shown(path, size, square):
    """The thumbnail's own (width, height), out of its address."""
    dataset = SimpleNamespace(image_path=lambda _: path, image_name=lambda _: "strip.png")
    address = Thumbnails(dataset).address(0, size, square)
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).size


@pytest.mark.parametrize("size, small", [((1, 3000), (1, 300)), ((3000, 1), (300, 1))])
def test_a_strip_is_shown_whole_or_cut_to_a_square(tmp_path, size, small):
    Image.new("RGB", size).save(tmp_path / "strip.png")
    assert shown(tmp_path / "strip.png", 300, square=False) == small
    assert shown(tmp_path / "strip.png", 300, square=True) == (300, 300)


@pytest.mark.parametrize("size", [(37, 61), (500, 333), (420, 520), (84, 104), (5, 5), (900, 7)])
def test_any_other_picture_is_what_pillow_makes_of_it(size):
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    pillow = ImageOps.contain(picture, (420, 520), Image.Resampling.LANCZOS)
    assert whole_within(picture, 420, 520) == pillow
