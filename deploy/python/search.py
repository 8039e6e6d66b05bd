"""Answer a sentence over a folder of photographs.

    python search.py inference/ photographs/ "a dog runs through the snow"

It needs NumPy, Pillow, PyYAML, and onnxruntime (or PaddlePaddle, as the export's format is); and
the package tokenizers for models whose words are tokens, jieba for those of Chinese words.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from exported import Exported

KINDS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def encode_folder(model, folder):
    """Paths and codes of a folder's photographs; what cannot be read is named."""
    found = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in KINDS)
    paths, codes = [], [np.empty((0, model.about["embed_size"]), np.float32)]
    for batch, pixels in model.batches(found):
        codes.append(model.encode_pixels(pixels))
        paths += batch
    return paths, np.concatenate(codes)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="the folder that vsepp export wrote")
    parser.add_argument("photographs", help="a folder")
    parser.add_argument("sentence")
    parser.add_argument("--count", type=int, default=5, help="photographs to name (default: 5)")
    words = parser.parse_args()
    if words.count < 1:
        parser.error("--count is how many photographs to name: give 1 or more.")
    try:
        model = Exported(words.model)
    except ValueError as error:
        sys.exit(error)
    if model.about["kind"] != "retrieval":
        sys.exit(f"{words.model} is a captioner's: use caption.py.")
    try:
        text = model.encode_texts([words.sentence])
    except ValueError as error:
        sys.exit(f"{error}: use words that the model's training captions have.")
    paths, images = encode_folder(model, words.photographs)
    if not paths:
        sys.exit(f"{words.photographs} holds no photograph that can be read.")
    scores = model.similarity(images, text)[:, 0]
    for place in np.argsort(-scores, kind="stable")[: words.count]:
        print(f"{scores[place]:.4f}  {paths[place]}")


if __name__ == "__main__":
    main()
