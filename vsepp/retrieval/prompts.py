"""Labels as sentences that stand for them."""

from __future__ import annotations

from collections.abc import Sequence

from vsepp.system.errors import InputError

TEMPLATE = "a photo of a {}"
CHINESE_TEMPLATE = "一张{}的照片"
ONLY_ORDERED = "this model's probabilities order the labels; their size says little"


def have_meaning(loss: str) -> bool:
    """Whether the size of a model's probabilities says something: the temperature that makes
    them of similarities was there to the end of its training, learned or fixed. Else
    ``ONLY_ORDERED`` is to be said of them. What the N-pair loss learned as the start of the
    triplet loss does not count: the codes have moved on without it.

    Args:
        loss: the key of the configuration that it was trained with.
    """
    return loss in ("npair", "both", "soft")


def each_once(labels: Sequence[str]) -> list[str]:
    """Labels in the order of their first appearance.

    Raises:
        InputError: when there is none, or one is no text or empty.

    >>> each_once(["dog", "cat", "dog"])
    ['dog', 'cat']
    """
    labels = [labels] if isinstance(labels, str) else list(labels)
    for label in labels:
        if not isinstance(label, str):
            raise InputError(f"a label must be text, not {type(label).__name__}.")
        if not label.strip():
            raise InputError("a label is empty: give a word or a phrase.")
    if not labels:
        raise InputError("there are no labels: give at least one.")
    return list(dict.fromkeys(labels))


def prompts(labels: Sequence[str], template: str = TEMPLATE) -> list[str]:
    """The sentence that stands for each label.

    Args:
        labels: words or phrases.
        template: the sentence, with ``{}`` in the label's place.

    Raises:
        InputError: for a template without one ``{}``.

    >>> prompts(["dog", "cat"], "a {} outside")
    ['a dog outside', 'a cat outside']
    """
    before, place, after = template.partition("{}")
    if not place or {"{", "}"} & set(before + after):
        raise InputError(
            f"the template {template!r} must hold one {{}} in the label's place, and no other "
            f"braces, such as {TEMPLATE!r}."
        )
    return [f"{before}{label}{after}" for label in labels]
