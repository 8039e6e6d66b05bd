"""Sentences by length, in parts that fit a cache."""

import numpy as np
import pytest

from vsepp.models.twins import length_packing
from vsepp.models.twins.length_packing import LengthPacking

LENGTHS = [3, 1, 4, 1, 5, 4, 2, 4]


def test_words_of_sentences_of_one_length_stand_together():
    sentences = [[f"{number}.{place}" for place in range(n)] for number, n in enumerate(LENGTHS)]
    words = np.array([word for sentence in sentences for word in sentence])

    packed = LengthPacking(LENGTHS)

    assert packed.order.tolist() == [1, 3, 6, 0, 2, 5, 7, 4]
    rising = [word for number in packed.order for word in sentences[number]]
    assert words[packed.words].tolist() == rising
    assert packed.unsort(np.array(rising), np.empty_like(words)).tolist() == words.tolist()


@pytest.mark.parametrize("largest", [1, 5, 9, 12, 100])
def test_parts_and_their_groups_are_all_sentences_in_order(largest, monkeypatch):
    monkeypatch.setattr(length_packing, "PART", largest)

    packed = LengthPacking(LENGTHS)

    row = pair = 0
    lengths = []
    for part in packed.parts:
        assert (part.rows.start, part.pairs.start) == (row, pair)
        assert part.rows.stop - row < largest + max(LENGTHS)
        for group in part.groups:
            assert part.rows.start + group.rows.start == row
            assert part.pairs.start + group.pairs.start == pair
            row += group.count * group.length
            pair += group.count * group.length**2
            assert part.rows.start + group.rows.stop == row
            assert part.pairs.start + group.pairs.stop == pair
            lengths += [group.length] * group.count
        assert (part.rows.stop, part.pairs.stop) == (row, pair)
    assert lengths == sorted(LENGTHS)
    assert pair == packed.pairs == sum(n**2 for n in LENGTHS)
    assert (len(packed.parts) > 1) == (largest < sum(LENGTHS))
