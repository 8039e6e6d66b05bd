from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock

import pytest
from colour_words import make_answers
from PIL import Image

from vsepp.demo.examples import example_labels, example_pictures, example_sentences
from vsepp.system.errors import InputError


@pytest.fixture
def answers(tmp_path):
    return make_answers(tmp_path)


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "asked"  # no suffix
    Image.new("RGB", (60, 50), (10, 200, 20)).save(path, "WEBP")
    return path


def test_a_sentence_finds_photographs(answers):
    found, remark = answers.search_by_sentence("a blue house", 2)
    assert [photograph.name for photograph in found][0] == "blue.png" and len(found) == 2
    assert found[0].score == pytest.approx(1) and "house" in remark
    assert answers.search_by_sentence("a blue picture", 50).remark == ""


def test_more_answers_than_there_are(answers):
    assert len(answers.search_by_sentence("red", 50).found) == 3


def test_a_picture_finds_photographs_and_sentences(answers, picture):
    assert answers.search_by_image(picture, 1).found[0].name == "green.png"
    assert answers.sentences_for(picture, 1).found[0][0] == "a green picture ."


def test_more_like_a_photograph_is_without_it_and_by_its_own_code(answers):
    """As if it were encoded anew, which it is not."""
    encoded, encode = [], answers.model.encode_image
    answers.model.encode_image = lambda image: encoded.append(image) or encode(image)
    found, remark = answers.more_like(2, 2)
    assert not encoded and "blue.png" in remark
    alike = answers.search_by_image(answers.photographs.path(2), 3).found
    assert found == [photograph for photograph in alike if photograph.place != 2]
    assert len(answers.more_like(0, 50).found) == 2
    for place in (3, -1, 0.5, None, "0", True, float("nan")):
        with pytest.raises(InputError, match="no such photograph"):
            answers.more_like(place, 2)


def test_labels_get_probabilities(answers, picture):
    found, remark = answers.label(picture, "red, green\nblue")
    assert found[0][0] == "green" and sum(odds for _, odds in found) == pytest.approx(1)
    assert "order the labels" in remark


def test_labels_of_which_nothing_is_known_are_named(answers, picture):
    with pytest.raises(InputError, match=r"known of greem, zzz \(the nearest: green\)"):
        answers.label(picture, "red, greem, zzz")


def test_a_sentence_of_which_nothing_is_known(answers):
    with pytest.raises(InputError, match="none of the words"):
        answers.search_by_sentence("zebra", 3)


def test_the_model_works_for_one_at_a_time(answers, picture):
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(answers.search_by_sentence, "a red picture", 3) for _ in range(40)]
        asked += [pool.submit(answers.search_by_image, picture, 3) for _ in range(40)]
        assert all(len(answer.result().found) == 3 for answer in asked)
    assert not answers.model.crowded


def test_examples_are_such_as_can_be_answered(answers, tmp_path):
    for sentence in example_sentences(answers):
        assert answers.search_by_sentence(sentence, 1).found
    folder = tmp_path / "examples"
    folder.mkdir()
    (tmp_path / "red.png").write_text("broken")
    paths = example_pictures(answers, str(folder))
    assert len(paths) == 2 and all(Image.open(path).format == "JPEG" for path in paths)
    assert example_labels(answers) == ""  # it knows no things


def test_examples_of_a_chinese_model(answers):
    known = {"一只狗", "狗", "猫", "树"}
    answers.knows_all = known.__contains__
    captions = ["一只猫和一只狗", "一只狗", "树下的猫和狗", "天空"]
    answers.sentences = MagicMock(sentence=captions.__getitem__)
    answers.sentences.__len__.return_value = len(captions)
    assert example_labels(answers) == "狗, 猫, 树"
    answers.sentences = None
    assert example_sentences(answers) == ["一只狗"]


def test_a_model_that_prefers_chinese_is_asked_in_chinese_though_it_spells_english(
    answers, picture, monkeypatch
):
    """A Chinese-CLIP's tokens hold English words too."""
    asked = []
    monkeypatch.setattr(answers, "sentences", None)
    monkeypatch.setattr(answers, "knows_all", lambda text: True)
    monkeypatch.setattr(answers, "knows_some", lambda text: True)
    monkeypatch.setattr(answers.model, "explain_unknown", lambda text: "")
    monkeypatch.setattr(answers.model, "classify", lambda *given: asked.append(given[2]) or {})
    for kind, sentence, label, template in (
        ("chinese_clip", "两只狗在雪地里奔跑", "狗", "一张{}的照片"),
        ("clip", "two dogs run through the snow", "dog", "a photo of a {}"),
    ):
        monkeypatch.setattr(answers.model.config, "text_model", kind)
        assert example_sentences(answers)[0] == sentence
        assert example_labels(answers).split(", ")[0] == label
        answers.label(picture, f"{label}, red")
        assert asked.pop() == template
