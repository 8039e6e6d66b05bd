"""Sentences fall into words by a tokenizer with a name."""

import sys

import pytest

from vsepp.system.errors import InputError
from vsepp.text.tokens import _chinese_words, detect_tokenizer, find_tokenizer, treebank, words

TREEBANK = [
    (
        "A black dog is running after a white dog in the snow .",
        "a black dog is running after a white dog in the snow .",
    ),
    ("Two dogs play.", "two dogs play ."),
    (
        "The child's dog doesn't bark; it's Ann's and I'm sure they'll see we've won.",
        "the child 's dog does n't bark ; it 's ann 's and i 'm sure they 'll see we 've won .",
    ),
    (
        "A boy in a t-shirt, red-haired, jumps over a 3.5 m wall, 1,000 times, at 5:30!",
        "a boy in a t-shirt , red-haired , jumps over a 3.5 m wall , 1,000 times , at 5:30 !",
    ),
    ('"Stop," she says, "now"', "`` stop , '' she says , `` now ''"),
    ('A sign says "exit".', "a sign says `` exit '' ."),
    ("A 'quoted' word and the dogs' bowls", "a ' quoted ' word and the dogs ' bowls"),
    ("“Curly” and ‘single’ and «others»", "“ curly ” and ‘ single ’ and « others »"),
    ("Wait... what?!", "wait ... what ? !"),
    (
        "A dog (brown) & a cat -- [both] at #1 for $5: cheap",
        "a dog ( brown ) & a cat -- [ both ] at # 1 for $ 5 : cheap",
    ),
    ("The U.S. flag in the U.S.", "the u.s. flag in the u.s ."),
    ("A man runs. A dog sits.", "a man runs. a dog sits ."),
    (
        "Cannot, gonna, gotta, wanna, gimme and lemme",
        "can not , gon na , got ta , wan na , gim me and lem me",
    ),
    ("'tis and 'twas o'clock", "' tis and ' twas o'clock"),
    ("Ein Käfer, zwei Käfer.", "ein käfer , zwei käfer ."),
    ("tabs\tand\nlines .", "tabs and lines ."),
    ("", ""),
    (" \t ", ""),
    (".", "."),
    ("'", "'"),
    ('"', "``"),
]


@pytest.mark.parametrize("sentence, expected", TREEBANK)
def test_treebank_splits_marks_and_contractions(sentence, expected):
    assert treebank(sentence) == expected.split()


@pytest.mark.parametrize("sentence", [sentence for sentence, _ in TREEBANK])
def test_treebank_is_what_nltk_makes_of_a_line(sentence):
    nltk = pytest.importorskip("nltk.tokenize")
    line = " ".join(sentence.lower().split())
    assert treebank(sentence) == nltk.NLTKWordTokenizer().tokenize(line)


def test_a_long_line_takes_no_longer_than_it_should():
    for piece in ("'", '"', ".", "a'", "`", "can", "' "):
        assert treebank(piece * 20_000)


@pytest.mark.parametrize("name, cut", [("words", words), ("treebank", treebank)])
def test_a_tokenizer_is_found_by_its_name(name, cut):
    assert find_tokenizer(name) is cut


@pytest.mark.parametrize(
    "name, nearest",
    [("treebnk", "treebank"), ("Jieba", "jieba"), ("word", "words"), (3, ""), (["words"], "words")],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(InputError, match=f"the nearest is {nearest}.*words, treebank, jieba"):
        find_tokenizer(name)


def test_without_jieba_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    _chinese_words.cache_clear()
    with pytest.raises(InputError, match=r"`pip install jieba`"):
        find_tokenizer("jieba")("两只狗")


def test_chinese_falls_into_words_without_a_sound(capfd, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    _chinese_words.cache_clear()
    cut = find_tokenizer("jieba")
    assert cut("两只狗，在雪地里 奔跑 3.5 米。") == [
        "两只",
        "狗",
        "在",
        "雪地",
        "里",
        "奔跑",
        "3.5",
        "米",
    ]
    assert cut("iPhone 和 T恤") == cut("iphone和t恤") == ["iphone", "和", "t", "恤"]
    assert cut("！？ …") == []
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "sentences, expected",
    [
        (["两只狗在雪地里奔跑。"], "jieba"),
        (["一个穿T恤的男孩", "iPhone 拍的照片"], "jieba"),
        (["A dog runs", "the sign says 出口"], "words"),
        (["ein Käfer", "犬が走っている"], "words"),
        (["…", "123", ""], "words"),
        ([], "words"),
    ],
)
def test_chinese_is_recognised(sentences, expected):
    assert detect_tokenizer(sentences) == expected
