"""What an export says of cutting sentences is what the package does."""

import pytest
from exports import deployed

from vsepp.text.tokens import TOKENIZERS, tokenizer_rules

SENTENCES = [
    "A man in a T-shirt, and a child's dog.",
    "The child's dog doesn't bark, at 3.5 m.",
    'He said "don\'t ... stop!" (twice) -- and "left".',
    "'Tis the season; gimme 1,000 $ or else: can\u2019t & won't #2 @home 50%?",
    "« Ça va ? » “quoted” ‘words’ „unten“ ``old'' e.g. U.S. end...",
    "  cannot  gonna wanna gotta lemme more'n d'ye  ",
    "一只狗在雪地里奔跑 with Frisbee，两个人！",
    "ünïcödé_under_score Ångström İstanbul",
    "",
]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_rules_cut_as_the_tokenizer_does(name):
    cut, rules = deployed("exported").cut, {"tokenizer": name, **tokenizer_rules(name)}
    for sentence in SENTENCES:
        assert cut(sentence, rules) == TOKENIZERS[name](sentence)
