from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from PIL import Image
from telling_captioner import TellingCaptioner

from vsepp.demo.caption_answers import SHOWN, CaptionAnswerer
from vsepp.system.errors import InputError


@pytest.fixture
def captions():
    return CaptionAnswerer(TellingCaptioner())


def saved(picture, path, **options):
    picture.save(path, **options)
    return path


def test_a_picture_gets_sentences_of_a_beam_of_five(captions, tmp_path):
    path = saved(Image.new("RGB", (60, 50), (10, 200, 20)), tmp_path / "asked", format="WEBP")
    (picture, sentences, seen), remark = captions.caption(path, 3)
    assert [each.sentence for each in sentences] == [
        "a green child's picture.",
        "green child's picture.",
        "child's picture.",
    ]
    assert sentences[0].attention.shape == (6, 3, 3) and remark == ""
    assert picture.size == (60, 50)
    assert seen == pytest.approx((0.5 / 9, 0, 8.5 / 9, 1))  # 8 of 9 × 8 pixels
    (decoding,) = captions.model.decodings
    assert (decoding.beam, decoding.captions) == (5, 3)


@pytest.mark.parametrize("count", [0, 6, 1.5, "3", None, True, float("nan")])
def test_of_sentences_there_are_one_to_five(captions, tmp_path, count):
    path = saved(Image.new("RGB", (9, 9)), tmp_path / "a.png")
    with pytest.raises(InputError, match="from 1 to 5"):
        captions.caption(path, count)


def test_what_is_shown_and_captioned_is_upright_and_what_is_shown_not_large(captions, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(Image.new("RGB", (3000, 2000)), tmp_path / "a.jpg", exif=exif)
    found = captions.caption(path, 1).found
    (captioned,) = captions.model.pictures
    assert captioned.width < captioned.height
    assert found.picture.size == (640, 960) and found.picture.height == SHOWN[1]


def test_pictures_that_are_refused(captions, tmp_path):
    (tmp_path / "text.jpg").write_text("only text")
    whole = saved(Image.effect_noise((90, 90), 50), tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "damaged.jpg").write_bytes(whole[: len(whole) // 2])
    saved(Image.new("L", (500, 8)), tmp_path / "long.png")
    for name, reason in (
        ("text.jpg", "not an image"),
        ("damaged.jpg", "The picture"),
        ("long.png", "10 times"),
        ("gone.png", "no longer here"),
    ):
        with pytest.raises(InputError, match=reason) as error:
            captions.caption(tmp_path / name, 1)
        assert str(tmp_path) not in str(error.value) and "\n" not in str(error.value)
    assert not captions.model.pictures


def test_it_works_while_it_holds_the_lock_that_it_shares(tmp_path):
    working, held = Lock(), []

    class Watching(TellingCaptioner):
        def captions_of(self, *given, **named):
            held.append(working.locked())
            return super().captions_of(*given, **named)

    captions = CaptionAnswerer(Watching(), working=working)
    captions.warm_up()
    path = saved(Image.new("RGB", (9, 9)), tmp_path / "a.png")
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(captions.caption, path, 2) for _ in range(8)]
        assert all(len(each.result().found.sentences) == 2 for each in asked)
    assert held == [True] * 9 and not working.locked()
