import numpy as np
import pytest
from PIL import Image

from vsepp.report.lettering import font_for, shorten, wrap
from vsepp.report.page import BAR, GREEN, TILE, WIDTH
from vsepp.report.pictures import draw_image_answer, draw_queries, draw_text_answer, save_picture
from vsepp.system.errors import InputError

RED, BLUE = (200, 30, 40), (30, 60, 210)


@pytest.fixture
def photo(tmp_path):
    def make(name, colour, size=(60, 40), **options):
        Image.new("RGB", size, colour).save(tmp_path / name, **options)
        return tmp_path / name

    return make


def count(picture, colour):
    return int((np.asarray(picture) == colour).all(axis=-1).sum())


def where(picture, colour):
    """Left, top, right, bottom of the pixels of one colour."""
    ys, xs = np.nonzero((np.asarray(picture) == colour).all(axis=-1))
    return int(xs.min()), int(ys.min()), int(xs.max()), int(ys.max())


def test_found_images_stand_side_by_side_in_their_order(photo):
    paths = [photo("red.png", RED), photo("blue.png", BLUE)]

    picture = draw_text_answer("a red wall", paths, [0.9, 0.4])

    assert (picture.mode, picture.width) == ("RGB", WIDTH)
    red, blue = where(picture, RED), where(picture, BLUE)
    assert red[2] < blue[0] and red[1] == blue[1]


def test_more_images_than_columns_start_another_row(photo):
    paths = [photo(f"{i}.png", RED) for i in range(3)] + [photo("blue.png", BLUE)]

    picture = draw_text_answer("walls", paths, [0.4] * 4, columns=3)

    assert where(picture, BLUE)[0] == where(picture, RED)[0]
    assert where(picture, BLUE)[1] > where(picture, RED)[3]


def test_only_right_answers_are_framed_green(photo):
    paths = [photo("red.png", RED), photo("blue.png", BLUE)]

    framed = draw_text_answer("q", paths, [0.9, 0.4], correct=[False, True])
    plain = draw_text_answer("q", paths, [0.9, 0.4], correct=[False, False])

    assert count(plain, GREEN) == 0
    red, blue = where(framed, RED), where(framed, BLUE)
    tiles = framed.crop((0, 0, WIDTH, blue[3] + 10))  # above the legend
    frame = where(tiles, GREEN)
    assert red[2] < frame[0] < blue[0] and frame[2] > blue[2]
    assert frame[1] < blue[1] and frame[3] > blue[3]


def test_an_unreadable_image_is_a_grey_tile_beside_the_others(photo, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")

    picture = draw_text_answer("q", [broken, photo("red.png", RED)], [0.9, 0.4])

    assert count(picture, RED) > 10_000
    left_half = picture.crop((0, 0, where(picture, RED)[0] - 2, picture.height))
    assert count(left_half, TILE) > 10_000


def test_thumbnails_are_turned_upright(photo):
    image = Image.new("RGB", (80, 40), RED)
    image.paste(BLUE, (0, 0, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what is stored left belongs on top
    path = photo("side.png", RED)
    image.save(path, exif=exif)

    picture = draw_text_answer("q", [path], [0.5])

    assert where(picture, BLUE)[3] < where(picture, RED)[1]


def test_a_sentence_without_answers_is_still_a_picture():
    assert draw_text_answer("nothing like it", [], []).width == WIDTH


def test_one_score_is_needed_for_each_answer(photo):
    with pytest.raises(ValueError, match="one entry per answer"):
        draw_text_answer("q", [photo("red.png", RED)], [0.5, 0.4])
    with pytest.raises(ValueError, match="one entry per answer"):
        draw_image_answer(photo("red.png", RED), ["a"], [0.5], correct=[True, False])


@pytest.mark.parametrize("text", ["word " * 60, "x" * 400, "一只小狗在草地上跑" * 20])
def test_long_text_stays_inside_the_picture(photo, text):
    path = photo("red.png", RED)

    for picture in (
        draw_text_answer(text, [path], [0.5]),
        draw_image_answer(path, [text], [0.5], originals=[text]),
    ):
        margin = np.asarray(picture)[:, WIDTH - 36 :]
        assert (margin == 255).all()


def test_an_image_answer_draws_one_bar_per_sentence_as_long_as_its_score(photo):
    picture = draw_image_answer(photo("red.png", RED), ["a", "b", "c"], [0.8, 0.4, 0.2])

    rows = (np.asarray(picture) == BAR).all(axis=-1).sum(axis=1)
    lengths = [block.max() for block in np.split(rows, np.nonzero(rows == 0)[0]) if block.any()]
    assert len(lengths) == 3
    assert lengths[0] / lengths[1] == pytest.approx(2, rel=0.03)
    assert lengths[0] / lengths[2] == pytest.approx(4, rel=0.03)


def test_an_image_answer_marks_right_sentences(photo):
    path = photo("red.png", RED)

    assert count(draw_image_answer(path, ["a", "b"], [0.8, 0.4], correct=[0, 1]), GREEN) > 0
    assert count(draw_image_answer(path, ["a", "b"], [0.8, 0.4], correct=[0, 0]), GREEN) == 0


def test_scores_may_be_negative_or_not_numbers(photo):
    scores = [-0.1, -3.5, float("nan")]

    assert draw_image_answer(photo("red.png", RED), ["a", "b", "c"], scores).width == WIDTH


def test_a_tall_page_grows_to_hold_all_sentences(photo):
    picture = draw_image_answer(photo("red.png", RED), ["a dog"] * 60, [0.5] * 60)

    assert picture.height > 60 * 40
    rows = (np.asarray(picture) == BAR).all(axis=-1).any(axis=1)
    assert (np.diff(rows.astype(int)) == 1).sum() == 60


def test_original_descriptions_make_the_answer_longer(photo):
    path = photo("red.png", RED)
    without = draw_image_answer(path, ["a"] * 9, [0.5] * 9)

    described = draw_image_answer(path, ["a"] * 9, [0.5] * 9, originals=["b"] * 5)

    assert described.height > without.height


def test_queries_are_stacked(photo):
    red, blue = photo("red.png", RED), photo("blue.png", BLUE)

    picture = draw_queries([("a red wall", [red], [0.9]), ("a blue wall", [blue], [0.8], [True])])

    assert where(picture, RED)[3] < where(picture, BLUE)[1]
    assert where(picture, GREEN)[1] > where(picture, RED)[3]


@pytest.mark.parametrize("suffix, kind", [("png", "PNG"), ("JPG", "JPEG"), ("webp", "WEBP")])
def test_the_suffix_chooses_the_format(tmp_path, suffix, kind):
    path = tmp_path / "made" / f"answer.{suffix}"

    save_picture(Image.new("RGB", (8, 8), RED), path)

    with Image.open(path) as image:
        assert (image.format, image.size) == (kind, (8, 8))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["answer.bmpx", "answer"])
def test_an_unknown_suffix_is_refused_with_the_choices(tmp_path, name):
    with pytest.raises(InputError, match=r"\.png.*\.jpg.*\.webp"):
        save_picture(Image.new("RGB", (8, 8)), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_lines_are_as_full_as_the_width_allows():
    lines, font = wrap("a dog runs over the grass", 20, 120)

    assert " ".join(lines) == "a dog runs over the grass"
    assert all(font.getlength(line) <= 120 for line in lines)
    for line, following in zip(lines, lines[1:]):
        assert font.getlength(f"{line} {following.split()[0]}") > 120


def test_text_beyond_the_last_line_ends_in_an_ellipsis():
    lines, font = wrap("a dog runs over the grass " * 9, 20, 120, max_lines=2)

    assert len(lines) == 2 and lines[1].endswith("…")
    assert font.getlength(lines[1]) <= 120


def test_a_long_name_keeps_its_beginning_and_its_end():
    text, font = shorten("a_very_long_file_name_of_a_photograph.jpg", 14, 150)

    assert text.startswith("a_very") and text.endswith(".jpg") and "…" in text
    assert font.getlength(text) <= 150


def test_letters_outside_the_built_in_font_are_drawn_by_another():
    assert font_for("café", 20).getname() != font_for("cafe", 20).getname()


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (5, 5)])
def test_the_narrowest_photograph_is_drawn(tmp_path, size):
    path = tmp_path / "strip.png"
    Image.new("RGB", size).save(path)

    assert draw_image_answer(path, ["a strip"], [0.5]).width == WIDTH
