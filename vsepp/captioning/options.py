"""How a sentence is chosen from a captioner's probabilities: the options, and which are refused."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from vsepp.system.errors import InputError

if TYPE_CHECKING:
    from vsepp.config import Config

#: options that are keys of the configuration, by the same names
CONFIGURED = ("beam", "length_penalty", "block_ngram")
_SAMPLING = ("temperature", "top_k", "top_p", "seed")
_MOST = {"beam": 1000, "captions": 1000, "longest": 10_000}  # beyond, memory ends, not patience
_STRONGEST = 10  # length penalty, which overflows far above


@dataclass(frozen=True)
class Decoding:
    """Beam search, or sampling.

    Attributes:
        beam: sentences that are followed side by side; 1 is greedy. Not for sampling.
        captions: sentences for each photograph, at most: the best of the beam, or as many samples.
        longest: words of a sentence, at most.
        length_penalty: α of Wu et al. 2016 (arXiv 1609.08144, eq. 14, without coverage): sentences
            are compared by log probability / ((5 + words) / 6)^α. With 0 short ones have the
            advantage, the higher the less.
        block_ngram: no sequence of so many words occurs twice in a sentence; 0: any may.
        sample: draw the words instead of searching for the best.
        temperature: the logarithms are divided by it before drawing; below 1 likely words become
            likelier still.
        top_k: only so many of the likeliest words are drawn from; 0: all.
        top_p: only the likeliest words whose probabilities make up this share are drawn from.
        seed: of the draws. A photograph's depend on it and on the photograph's number alone.

    Raises:
        InputError: for a value that means nothing.
    """

    beam: int = 5
    captions: int = 1
    longest: int = 20
    length_penalty: float = 0.0
    block_ngram: int = 0
    sample: bool = False
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            _check_count(name, getattr(self, name), 1)
            if getattr(self, name) > most:
                raise InputError(f"{name} must be at most {most}, not {getattr(self, name)}.")
        for name in ("block_ngram", "top_k", "seed"):
            _check_count(name, getattr(self, name), 0)
        if not (_is_number(self.length_penalty) and 0 <= self.length_penalty < _STRONGEST):
            raise InputError(
                f"length_penalty must be a number from 0 on and below {_STRONGEST}, such as 0.7, "
                f"not {self.length_penalty!r}."
            )
        if not (_is_number(self.temperature) and self.temperature > 0):
            raise InputError(
                f"temperature must be a number above 0, such as 0.7, not {self.temperature!r}."
            )
        if not (_is_number(self.top_p) and 0 < self.top_p <= 1):
            raise InputError(
                f"top_p must be a number above 0 and at most 1, such as 0.9, not {self.top_p!r}."
            )
        if not isinstance(self.sample, bool):
            raise InputError(f"sample must be True or False, not {self.sample!r}.")
        if self.sample:
            return
        if self.captions > self.beam:
            raise InputError(
                f"captions is {self.captions}, and beam {self.beam}: a beam gives no more captions "
                f"than it is wide, so give a beam of {self.captions} or more."
            )
        for option in fields(self):
            if option.name in _SAMPLING and getattr(self, option.name) != option.default:
                raise InputError(
                    f"{option.name} is for sampling, and a beam draws nothing: leave it out, or "
                    "ask for sampling (sample) as well."
                )

    @classmethod
    def configured(cls, config: Config, **options: Any) -> Decoding:
        """As a captioner's configuration says, but for ``options``, which are fields.

        Raises:
            InputError: for a value that means nothing.
        """
        usual = {name: getattr(config, name) for name in CONFIGURED}
        return cls(**{**usual, "longest": config.max_len, **options})

    @property
    def description(self) -> str:
        """In words, for a table: what differs from a plain search or a plain draw."""
        if self.sample:
            said = ["sampled", f"temperature {self.temperature:g}"]
            said += [f"top_k {self.top_k}"] if self.top_k else []
            said += [f"top_p {self.top_p:g}"] if self.top_p < 1 else []
            return ", ".join([*said, f"seed {self.seed}"])
        said = ["greedy" if self.beam == 1 else f"beam {self.beam}"]
        said += [f"length_penalty {self.length_penalty:g}"] if self.length_penalty else []
        said += [f"block_ngram {self.block_ngram}"] if self.block_ngram else []
        return ", ".join(said)

    def score(self, log_probability: float, words: int) -> float:
        """What sentences are compared by: the logarithm of the probability, after the penalty.

        Args:
            log_probability: of the whole sentence.
            words: of the sentence.
        """
        return log_probability / ((5 + words) / 6) ** self.length_penalty


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} must be a whole number from {least} on, not {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
