"""The tokens of CLIP, made of its pairs."""

import gzip
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tokenizers")

from vsepp.system.errors import InputError
from vsepp.text.byte_pairs import END, START, byte_pair_definition, read_merges, tokens_of
from vsepp.text.contexts import ContextReader

TOWERS = Path(__file__).parents[1] / "golden" / "towers"


@pytest.fixture(scope="module")
def reader():
    path = TOWERS / "openai_bpe.txt.gz"
    pairs = read_merges(path)
    definition = byte_pair_definition(
        tokens_of(pairs, 755, path), pairs, "bpe", straight_quotes=True
    )
    return ContextReader(definition, START, END, 24)


def test_what_is_written_otherwise_reads_the_same(reader):
    plain, *others = reader.indices(
        ["it's a 'red' dog", "It\u2019s  a \u2018RED\u2019\n dog ", "it's a\u00a0'red' dog"]
    )

    assert others == [plain, plain]
    # as OpenAI's code cuts it: what looks like a contraction is one
    assert reader.decode(plain).split() == ["it", "'s", "a", "'re", "d", "'", "dog"]


def test_every_character_can_be_spelled(reader):
    assert reader.unknown_words("一只狗 \U0001f415 café") == [] and reader.knows_all("狗")
    assert reader.decode(reader.indices(["狗 café"])[0]) == "狗 café "


def test_it_comes_back_from_what_a_checkpoint_holds(reader):
    again = ContextReader.from_contents(reader.contents(), "a.ckpt")

    assert again.contents() == reader.contents() and again.is_of(reader.contents())
    assert (again.context_length, again.padding) == (24, 0)
    contents = {"subwords": {**reader.contents()["subwords"], "padding": 10**6}}
    with pytest.raises(InputError, match="a.ckpt has a malformed tokenizer: its padding"):
        ContextReader.from_contents(contents, "a.ckpt")


def test_pairs_may_come_unpacked_and_are_limited(tmp_path):
    plain, packed = tmp_path / "merges.txt", tmp_path / "large.txt.gz"
    plain.write_bytes(gzip.decompress((TOWERS / "openai_bpe.txt.gz").read_bytes()))
    packed.write_bytes(gzip.compress(bytes(2**26 + 1), 1))

    assert read_merges(plain) == read_merges(TOWERS / "openai_bpe.txt.gz")
    with pytest.raises(InputError, match="too large"):
        read_merges(packed)
    plain.write_text("#version\ni n\nthree words here\n")
    with pytest.raises(InputError, match="line 3 is no pair"):
        read_merges(plain)


def test_the_grid_has_a_width_of_its_own(reader):
    from vsepp.data.padding import padded

    grid, lengths = padded(reader.indices(["a dog"]), reader.context_length, 7)

    assert grid.shape == (1, 24) and lengths.tolist() == [4]
    np.testing.assert_array_equal(grid[0, 4:], 7)
