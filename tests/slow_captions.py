"""Captions of random words, and their scores as the papers write them down: sum by sum, slow."""

import math
import random


def ngrams(words, n):
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def slow_bleu(candidates, references, longest):
    """From 0 to 1."""
    precisions = []
    for n in range(1, longest + 1):
        matches = total = 0
        for candidate, others in zip(candidates, references):
            for ngram in sorted(set(ngrams(candidate, n))):
                most = max(ngrams(other, n).count(ngram) for other in others)
                matches += min(ngrams(candidate, n).count(ngram), most)
            total += len(ngrams(candidate, n))
        precisions.append(matches / total if total else 0)
    if not all(precisions):
        return 0.0
    c = sum(map(len, candidates))
    r = 0
    for candidate, others in zip(candidates, references):
        distances = [abs(len(other) - len(candidate)) for other in others]
        r += min(len(o) for o, d in zip(others, distances) if d == min(distances))
    penalty = 1 if c > r else math.exp(1 - r / c)
    return penalty * math.exp(sum(math.log(p) for p in precisions) / longest)


def slow_cider(candidate, others, references):
    """Of one image, from 0 to 10."""
    total = 0.0
    for n in (1, 2, 3, 4):

        def weight(ngram, sentence):
            having = sum(any(ngram in ngrams(o, n) for o in image) for image in references)
            return ngrams(sentence, n).count(ngram) * math.log(len(references) / max(1, having))

        for other in others:
            every = sorted({*ngrams(candidate, n), *ngrams(other, n)})
            ours = [weight(ngram, candidate) for ngram in every]
            theirs = [weight(ngram, other) for ngram in every]
            lengths = math.hypot(*ours) * math.hypot(*theirs)
            if lengths:
                cosine = sum(min(a, b) * b for a, b in zip(ours, theirs)) / lengths
                gauss = math.exp(-((len(candidate) - len(other)) ** 2) / (2 * 6**2))
                total += 10 * gauss * cosine / len(others) / 4
    return total


def slow_common_subsequence(a, b):
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, word in enumerate(a):
        for j, other in enumerate(b):
            same = lengths[i][j] + 1 if word == other else 0
            lengths[i + 1][j + 1] = max(same, lengths[i][j + 1], lengths[i + 1][j])
    return lengths[-1][-1]


def random_captions(images=30, seed=0, most=5):
    """(candidates, references) as lists of words; each image has one to ``most`` references."""
    draw = random.Random(seed)
    words = [f"w{int(draw.paretovariate(1))}" for _ in range(400)]

    def sentence(shortest=1):
        return draw.choices(words, k=draw.randint(shortest, 12))

    references = [[sentence() for _ in range(draw.randint(1, most))] for _ in range(images)]
    candidates = [
        draw.choice([sentence(0), draw.choice(image)[: draw.randint(1, 12)]])
        for image in references
    ]
    return candidates, references
