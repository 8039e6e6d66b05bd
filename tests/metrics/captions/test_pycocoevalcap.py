"""COCO's own evaluation gives the same scores of the same words, where it is installed
(``pip install pycocoevalcap``); its BLEU, ROUGE-L and CIDEr are plain Python."""

import pytest
from slow_captions import random_captions

import vsepp

pytest.importorskip("pycocoevalcap")


@pytest.mark.parametrize("seed", range(3))
def test_scores_equal_those_of_pycocoevalcap(seed):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    candidates, references = random_captions(images=200, seed=seed)
    truth = {place: [" ".join(words) for words in image] for place, image in enumerate(references)}
    made = {place: [" ".join(words)] for place, words in enumerate(candidates)}

    ours = vsepp.caption_scores(candidates, references, tokenized=True)

    theirs = [
        *Bleu(4).compute_score(truth, made, verbose=0)[0],
        Rouge().compute_score(truth, made)[0],
        Cider().compute_score(truth, made)[0],
    ]
    assert list(ours.values()) == pytest.approx([100 * value for value in theirs], abs=0.005)
    assert ours["CIDEr-D"] > 50
