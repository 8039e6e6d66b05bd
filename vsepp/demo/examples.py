"""Queries that a visitor can click on: such as the model can answer."""

import os
from collections import Counter

from vsepp.report.pictures import open_upright

COUNT = 4
EXAMPLES = "examples"  # folder of pictures, among the uploads
SENTENCES = (
    "two dogs run through the snow",
    "a child plays on the beach",
    "a man rides a bicycle",
    "people walk down a street",
    "a bird over the water",
    "a red car",
    "two trees and a house",
    "两只狗在雪地里奔跑",
    "一个孩子在沙滩上玩耍",
    "一个男人骑着自行车",
    "一群人走在街上",
    "一只狗",
    "一个男人",
    "两个人",
    "红色的汽车",
)
LABELS = (
    "dog",
    "cat",
    "bird",
    "horse",
    "man",
    "woman",
    "child",
    "car",
    "boat",
    "bicycle",
    "house",
    "tree",
    "flower",
    "beach",
    "snow",
    "street",
    "mountain",
    "water",
    "umbrella",
    "kite",
    "狗",
    "猫",
    "鸟",
    "马",
    "男人",
    "女人",
    "孩子",
    "汽车",
    "船",
    "自行车",
    "房子",
    "树",
    "花",
    "沙滩",
    "雪",
    "街道",
    "山",
    "水",
    "雨伞",
    "风筝",
)
_SHOWN = 8  # labels
_SIDE = 640  # of an example's longer side, in pixels


def example_sentences(answers):
    """Sentences whose every word is known; captions of the split when there is one."""
    if answers.sentences is not None:
        captions = answers.sentences
        places = _spread(len(captions))
        return list(dict.fromkeys(captions.sentence(place).rstrip(" .") for place in places))
    return _known(SENTENCES, answers)[:COUNT]


def example_labels(answers):
    """A line of labels that are known: those that the split's captions have most often, where
    there are captions; empty when there are not two."""
    known = _known(LABELS, answers)
    if answers.sentences is not None:
        counts = Counter()
        for place in range(len(answers.sentences)):
            sentence = answers.sentences.sentence(place).lower()
            words = set(sentence.split())  # Chinese ones have no blanks between them
            counts.update(
                label for label in known if label in (words if label.isascii() else sentence)
            )
        known = sorted(filter(counts.get, known), key=counts.get, reverse=True)
    return ", ".join(known[:_SHOWN]) if len(known) > 1 else ""


def example_pictures(answers, folder):
    """Copies of a few photographs, as JPEG files below ``folder``; paths.

    Args:
        answers: ``QueryAnswerer`` or ``CaptionAnswerer``.
    """
    folder, paths = os.path.join(folder, EXAMPLES), []
    os.makedirs(folder, exist_ok=True)
    for place in _spread(len(answers.photographs)):
        picture = open_upright(answers.photographs.path(place), _SIDE)
        if picture is None:
            continue
        picture.thumbnail((_SIDE, _SIDE))
        path = os.path.join(folder, f"example_{len(paths) + 1}.jpg")
        picture.save(path, "JPEG", quality=90)
        paths.append(path)
    return paths


def _known(texts, answers):
    """Those whose every word is known, and of a model that prefers Chinese these first."""
    known = [text for text in texts if answers.knows_all(text)]
    return sorted(known, key=str.isascii) if answers.prefers_chinese else known


def _spread(count):
    """At most ``COUNT`` places among ``count``, evenly spread."""
    return (
        [(2 * part + 1) * count // (2 * COUNT) for part in range(COUNT)]
        if count > COUNT
        else list(range(count))
    )
