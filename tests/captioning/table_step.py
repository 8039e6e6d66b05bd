"""A decoder's step from tables, and plain one-picture searches over it."""

import math
from dataclasses import dataclass

import numpy as np

from vsepp.text.vocabulary import END, PAD, START, UNK, Vocabulary


def vocabulary_of(words):
    """A vocabulary of so many words ``w0``, ``w1``, …: the last one after the special words, as
    those are that were learnt later."""
    names = [PAD, *(f"w{i}" for i in range(words - 1)), UNK, START, END]
    names += [f"w{words - 1}"] if words else []
    return Vocabulary({name: index for index, name in enumerate(names)})


class TableStep:
    """Log probabilities that depend on the word before, on the state and on the photograph.

    Args:
        images: photographs.
        vocabulary: the words.
        seed: of the tables.
        levels: so many different values of logits; few make ties.
        ends: added to the logit of ``<end>``.
    """

    def __init__(self, images, vocabulary, seed=0, levels=None, ends=0.0, cells=4, state_size=3):
        generator = np.random.default_rng(seed)
        size = len(vocabulary)
        shape = (images, size, size)
        self.table = generator.normal(0, 2, shape)
        self.of_state = generator.normal(0, 1, (state_size, size))
        if levels:
            self.table = generator.integers(0, levels, shape).astype(float)
            self.of_state[:] = 0
        self.table[..., vocabulary.word_to_index[END]] += ends
        self.starts = generator.normal(0, 1, (images, state_size)).astype(np.float32)
        self.turn = generator.normal(0, 1, (size, state_size))
        self.looks = generator.random((images, size, cells)).astype(np.float32)
        self.rows = 0  # that were asked for

    def start(self):
        return self.starts.copy()

    def __call__(self, words, states, images):
        self.rows += len(words)
        # summed word by word, so that a row's bits do not depend on how many there are
        logits = self.table[images, words] + sum(
            states[:, [i]] * self.of_state[i] for i in range(len(self.of_state))
        )
        shares = np.exp(logits - logits.max(1, keepdims=True))
        with np.errstate(divide="ignore"):
            log_probs = np.log(shares / shares.sum(1, keepdims=True))
        after = np.tanh(states + self.turn[words])
        return (
            log_probs.astype(np.float32),
            after.astype(np.float32),
            self.looks[images, words] + after[:, :1].astype(np.float32),
        )


@dataclass
class Sentence:
    words: tuple
    total: float
    state: np.ndarray
    looked: tuple


def continuations(step, image, vocabulary, sentence, block_ngram):
    """Every word that may follow, its log probability, the state after it and where it looked."""
    index = vocabulary.word_to_index
    last = sentence.words[-1] if sentence.words else index[START]
    log_probs, states, looked = step(np.array([last]), sentence.state[None], np.array([image]))
    for word in range(len(vocabulary)):
        if word in (index[PAD], index[UNK], index[START]):
            continue
        if word == index[END] and not sentence.words:
            continue
        if block_ngram and word != index[END]:
            longer = (*sentence.words, word)
            grams = [
                longer[i : i + block_ngram] for i in range(max(0, len(longer) - block_ngram + 1))
            ]
            if grams and grams[-1] in grams[:-1]:
                continue
        yield word, float(log_probs[0, word]), states[0], looked[0]


def plain_beam(step, image, vocabulary, decoding):
    """(words, log probability, score, ended, attention) of one photograph, best first."""

    def score(sentence):
        return sentence.total / ((5 + len(sentence.words)) / 6) ** decoding.length_penalty

    end = vocabulary.word_to_index[END]
    followed, ended = [Sentence((), 0.0, step.start()[image], ())], []
    while followed and len(ended) < decoding.beam:
        if len(followed[0].words) == decoding.longest:
            break
        candidates = []
        for place, old in enumerate(followed):
            for word, log_prob, state, looked in continuations(
                step, image, vocabulary, old, decoding.block_ngram
            ):
                new = Sentence(
                    (*old.words, word), old.total + log_prob, state, (*old.looked, looked)
                )
                candidates.append((-new.total, place, word, new))
        candidates.sort(key=lambda candidate: candidate[:3])
        for _, _, word, new in candidates[: decoding.beam]:
            if word == end:
                ended.append(Sentence(new.words[:-1], new.total, new.state, new.looked[:-1]))
        followed = [new for _, _, word, new in candidates if word != end][: decoding.beam]
    cut = followed if len(ended) < decoding.beam else []
    best = [
        *((sentence, True) for sentence in sorted(ended, key=score, reverse=True)),
        *((sentence, False) for sentence in sorted(cut, key=score, reverse=True)),
    ]
    return [
        (sentence.words, sentence.total, score(sentence), whole, np.array(sentence.looked))
        for sentence, whole in best[: decoding.captions]
    ]


def plain_greedy(step, image, vocabulary, longest):
    """(words, log probability) of one photograph: always the likeliest word."""
    end = vocabulary.word_to_index[END]
    sentence = Sentence((), 0.0, step.start()[image], ())
    while len(sentence.words) < longest:
        word, log_prob, state, _ = max(
            continuations(step, image, vocabulary, sentence, 0), key=lambda found: found[1]
        )
        total = sentence.total + log_prob
        if word == end:
            return sentence.words, total
        sentence = Sentence((*sentence.words, word), total, state, ())
    return sentence.words, sentence.total


def same(captions, plain):
    """Whether what was found is what the plain search finds, attention included."""
    return len(captions) == len(plain) and all(
        caption.words == words
        and caption.ended == ended
        and math.isclose(caption.log_probability, total, abs_tol=1e-5)
        and math.isclose(caption.score, score, abs_tol=1e-5)
        and np.allclose(caption.attention, attention, atol=1e-6)
        for caption, (words, total, score, ended, attention) in zip(captions, plain)
    )
