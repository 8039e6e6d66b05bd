"""Scores of sentences as captions of images. NumPy only, no Paddle.

From one file to the next: ``words`` (the tokenizer), ``ngrams``, ``bleu``, ``rouge``, ``cider``
(one score each), ``scores`` (references prepared, candidates scored), ``statistics`` (what each
image adds; intervals, comparisons), ``result`` (one evaluation, as it is printed and stored),
``summary`` (several runs).
"""
