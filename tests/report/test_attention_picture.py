import numpy as np
import pytest
from PIL import Image

import vsepp
from vsepp.data.preprocessing import Preprocessing
from vsepp.report.attention_picture import seen
from vsepp.report.page import WIDTH
from vsepp.system.errors import InputError

GREEN = (60, 150, 70)
WHOLE = Preprocessing(resize=224, image_size=224, square=True)


@pytest.fixture
def photo():
    return Image.new("RGB", (120, 120), GREEN)


def attention_at(*cells, side=4):
    """Of one word for each cell, which looks nowhere else."""
    attention = np.zeros((len(cells), side, side), np.float32)
    for word, (row, column) in enumerate(cells):
        attention[word, row, column] = 1
    return attention


def tile(picture, number, photograph):
    """Pixels of one of the tiles: 0 is the photograph, then the words. They are all of its size,
    and the first is found by its colour."""
    pixels = np.asarray(picture).astype(int)
    ys, xs = np.nonzero((pixels == GREEN).all(-1))
    top, left, height, width = ys.min(), xs.min(), np.ptp(ys) + 1, np.ptp(xs) + 1
    assert abs(width / height - photograph.width / photograph.height) < 0.02
    left += number * (width + 18)
    part = pixels[top : top + height, left : left + width]
    for rows in (slice(8), slice(-8, None)):  # through rounded corners the page is seen
        part[rows, :8] = part[rows, -8:] = 0
    return part


def lit(part):
    """Shares of height and width where a tile is brightest."""
    brightness = part.sum(-1)
    light = brightness > 0.8 * brightness.max()
    ys, xs = np.nonzero(light)
    return ys.mean() / len(part), xs.mean() / part.shape[1]


def test_each_word_lights_the_place_it_looked_at(photo):
    attention = attention_at((0, 0), (0, 3), (3, 1))

    picture = vsepp.plot_attention(photo, ["a", "green", "wall"], attention, WHOLE)

    assert (picture.mode, picture.width) == ("RGB", WIDTH)
    for word, (row, column) in enumerate([(0, 0), (0, 3), (3, 1)]):
        place = lit(tile(picture, word + 1, photo))
        assert place == pytest.approx(((row + 0.5) / 4, (column + 0.5) / 4), abs=0.06)


def test_a_grid_need_not_be_square(photo):
    attention = np.zeros((1, 2, 6))
    attention[0, 1, 4] = 1

    picture = vsepp.plot_attention(photo, "wall", attention, WHOLE)

    assert lit(tile(picture, 1, photo)) == pytest.approx((0.75, 0.75), abs=0.1)


def test_attention_lies_on_the_square_that_the_network_saw():
    wide = Image.new("RGB", (240, 120), GREEN)

    picture = vsepp.plot_attention(wide, "wall", attention_at((0, 0)))

    # the square is 224 of 256 pixels high, and in the middle
    expected = (0.5 - 224 / 256 * 3 / 8, 0.5 - 224 / 256 * 3 / 16)
    assert lit(tile(picture, 1, wide)) == pytest.approx(expected, abs=0.04)


def test_attention_that_is_spread_evenly_is_dimmer_than_a_sharp_one(photo):
    attention = np.stack([attention_at((1, 1))[0], np.full((4, 4), 1 / 16)])

    picture = vsepp.plot_attention(photo, "green wall", attention, WHOLE)

    sharp, even = (tile(picture, number, photo).sum(-1) for number in (1, 2))
    assert sharp.max() > 1.2 * even.max()
    assert even[60, 60] > 1.1 * sharp[150, 150]  # and yet not dark


def test_words_beyond_five_tiles_go_on_below(photo):
    short, long = (
        vsepp.plot_attention(photo, ["wall"] * count, attention_at(*[(1, 1)] * count))
        for count in (4, 5)
    )

    assert long.height > short.height + tile(short, 0, photo).shape[0]


def test_a_sentence_is_its_words_in_any_script(photo, tmp_path):
    photo.save(tmp_path / "photo.png")
    attention = attention_at((0, 0), (1, 1))

    picture = vsepp.plot_attention(tmp_path / "photo.png", "绿 墙", attention)
    latin = vsepp.plot_attention(photo, ["绿", "墙"], attention)

    assert np.array_equal(picture, latin)
    assert not np.array_equal(picture, vsepp.plot_attention(photo, "墙 绿", attention))


@pytest.mark.parametrize(
    "sentence, words",
    [
        ("a child's dog, running.", ["a", "child", "'s", "dog", ",", "running", "."]),
        ("一只狗在草地上", ["一只", "狗", "在", "草地", "上"]),
    ],
)
def test_a_sentence_is_cut_where_its_words_are_not_parted_by_blanks(photo, sentence, words):
    if not sentence.isascii():
        pytest.importorskip("jieba")
    attention = attention_at(*[(0, 0)] * len(words))

    picture = vsepp.plot_attention(photo, sentence, attention)

    assert np.array_equal(picture, vsepp.plot_attention(photo, words, attention))


def test_a_photograph_is_turned_upright_unless_it_is_not_to_be(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    Image.new("RGB", (120, 60), GREEN).save(tmp_path / "lying.png", exif=exif)

    upright, lying = (
        vsepp.plot_attention(tmp_path / "lying.png", "wall", attention_at((0, 0)), exif=exif)
        for exif in (True, False)
    )

    tile(upright, 0, Image.new("RGB", (60, 120)))
    tile(lying, 0, Image.new("RGB", (120, 60)))


@pytest.mark.parametrize("size", [(1, 1), (900, 1), (1, 900)])
def test_the_thinnest_photograph_is_drawn(size):
    picture = vsepp.plot_attention(Image.new("L", size, 90), "a wall", attention_at((0, 0), (1, 1)))

    assert picture.width == WIDTH


@pytest.mark.parametrize(
    "attention, said",
    [
        (np.zeros((2, 9)), "must be of shape [words, rows, columns], not [2, 9]"),
        (np.zeros((2, 0, 3)), "must be of shape [words, rows, columns], not [2, 0, 3]"),
        (np.ones((3, 2, 2)), "attention is of 3 words, and 2 are given"),
        (-np.ones((2, 2, 2)), "attention holds negative numbers, NaN or infinity"),
        (np.full((2, 2, 2), np.nan), "attention holds negative numbers, NaN or infinity"),
        ([["x"], ["y"]], "attention must be numbers"),
        (None, "must be of shape [words, rows, columns], not []"),
    ],
)
def test_what_is_no_attention_is_refused_in_one_sentence(photo, attention, said):
    with pytest.raises(InputError) as refused:
        vsepp.plot_attention(photo, "green wall", attention)

    assert said in str(refused.value)


def test_a_photograph_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match="missing.jpg does not exist"):
        vsepp.plot_attention(tmp_path / "missing.jpg", "wall", attention_at((0, 0)))


@pytest.mark.parametrize(
    "words, image, said",
    [
        (None, None, "words must be a caption or a list, not NoneType"),
        ("a", np.zeros((4, 4, 3), np.uint8), "image must be a path or a PIL image, not ndarray"),
        ("a", Image.new("RGB", (0, 0)), "the PIL image has no pixels"),
    ],
)
def test_what_is_no_photograph_or_caption(words, image, said, photo):
    with pytest.raises(InputError, match=said):
        vsepp.plot_attention(photo if image is None else image, words, attention_at((0, 0)))


def test_a_word_without_end_is_cut(photo):
    picture = vsepp.plot_attention(photo, ["x" * 1000], attention_at((0, 0)))

    assert picture.width == WIDTH


def test_of_a_line_of_pixels_what_is_seen_is_a_share_of_all_of_it():
    left, top, right, bottom = seen((1, 60000), Preprocessing(resize=256, image_size=224))

    assert (left, right) == (0.0625, 0.9375)
    assert bottom - top == pytest.approx(224 / 256 / 60000) and top + bottom == pytest.approx(1)
