"""Write a sentence for each of some photographs, with a captioner's export.

    python caption.py inference/ one.jpg another.jpg

The likeliest word follows each word (vsepp's own search looks further ahead).
"""

import sys

import numpy as np
from exported import Exported


def caption(model, pixels):
    """A sentence for each photograph, of its pixels: a list of lists of words."""
    words = model.about["words"]
    never = [words["padding"], words["start"], words["unknown"]]
    cells, states = model.encode_pixels(pixels)
    last = np.full(len(cells), words["start"], np.int64)
    sentences, open_ones = [[] for _ in pixels], np.ones(len(cells), bool)
    for place in range(model.about["longest"]):
        log_probabilities, states, _ = model.run["step"](words=last, states=states, cells=cells)
        log_probabilities[:, never + [words["end"]] * (place == 0)] = -np.inf
        last = log_probabilities.argmax(axis=1)
        open_ones &= last != words["end"]
        for row in np.flatnonzero(open_ones):
            sentences[row].append(words["vocabulary"][last[row]])
        if not open_ones.any():
            break
    return sentences


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        model = Exported(sys.argv[1])
    except ValueError as error:
        sys.exit(error)
    if model.about["kind"] != "captioner":
        sys.exit(f"{sys.argv[1]} is no captioner's: use search.py.")
    written = 0
    for paths, pixels in model.batches(sys.argv[2:]):
        for path, words in zip(paths, caption(model, pixels)):
            print(f"{path}: {' '.join(words)}")
        written += len(paths)
    sys.exit(written < len(sys.argv[2:]))  # what was left out has been named


if __name__ == "__main__":
    main()
