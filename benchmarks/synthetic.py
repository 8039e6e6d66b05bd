"""Data to measure on, made from a seed: batches, codes, photographs, a prepared data set."""

import json
from pathlib import Path

import numpy as np

from vsepp.text.vocabulary import SPECIAL_WORDS

LONGEST = 32  # columns of a padded caption: max_len + 2


def caption_lengths(count, generator):
    """int64 ``[count]``: as Flickr8k's, 13 on average and 21 at most, both marks included."""
    return np.clip(np.rint(generator.normal(13, 3.3, count)), 5, 21).astype(np.int64)


def captions(count, vocabulary, generator):
    """Lists of indices without padding."""
    return [
        generator.integers(1, vocabulary, length).tolist()
        for length in caption_lengths(count, generator)
    ]


def training_batches(count, batch, vocabulary, feature_size, seed=0):
    """Batches for a step over stored features.

    Returns:
        list of (features float32 ``[batch, feature_size]``, captions int64
        ``[batch, LONGEST]`` padded with 0, lengths int64 ``[batch]``)
    """
    generator = np.random.default_rng(seed)
    result = []
    for _ in range(count):
        features = np.abs(generator.standard_normal((batch, feature_size), np.float32))
        padded = np.zeros((batch, LONGEST), np.int64)
        chosen = captions(batch, vocabulary, generator)
        for row, caption in enumerate(chosen):
            padded[row, : len(caption)] = caption
        result.append((features, padded, np.array([len(caption) for caption in chosen])))
    return result


def unit_codes(images, captions_per_image, size, seed=0, noise=10.0):
    """Codes that find each other about as well as those of a trained model.

    Returns:
        (float32 ``[images, size]``, float32 ``[images * captions_per_image, size]``), of unit
        length
    """
    generator = np.random.default_rng(seed)
    image_codes = generator.standard_normal((images, size), np.float32)
    text_codes = generator.standard_normal((images * captions_per_image, size), np.float32)
    text_codes *= noise
    for caption in range(captions_per_image):
        text_codes[caption::captions_per_image] += image_codes
    for codes in (image_codes, text_codes):
        codes /= np.sqrt(np.einsum("ij,ij->i", codes, codes))[:, None]
    return image_codes, text_codes


def draw_photographs(folder, count, seed=0, size=(500, 375)):
    """JPEG files of a photograph's size and detail, about 100 kB each; returns their paths."""
    from PIL import Image  # here, since not every side's interpreter has it

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    width, height = size
    paths = []
    for number in range(count):
        picture = np.zeros((height, width, 3), np.float32)
        for cells, weight in ((4, 90), (16, 40), (64, 24), (160, 12)):
            coarse = generator.integers(0, 256, (cells, cells, 3), np.uint8)
            smooth = Image.fromarray(coarse).resize(size, Image.BICUBIC)
            picture += weight / 90 * (np.asarray(smooth, np.float32) - 128)
        pixels = np.clip(picture + 128, 0, 255).astype(np.uint8)
        paths.append(folder / f"{number:05d}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=92)
    return paths


def vocabulary(words):
    """``{word: index}`` of ``words`` entries, the special ones included."""
    pad, *others = SPECIAL_WORDS
    known = [f"word{number}" for number in range(words - len(SPECIAL_WORDS))]
    return {word: index for index, word in enumerate([pad, *known, *others])}


def prepare_split(folder, images, words, photographs=(), splits=("train",), seed=0):
    """Write ``vocab.json`` and ``{split}_data.json`` with five captions an image.

    Args:
        folder: of the data set; made when missing.
        images: how many.
        words: of the vocabulary.
        photographs: paths that take turns as the images; without, there are none.
        splits: names of the splits, all alike.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    (folder / "vocab.json").write_text(json.dumps(vocabulary(words)), encoding="utf-8")
    paths = [
        str(photographs[number % len(photographs)]) if photographs else f"{number}.jpg"
        for number in range(images)
    ]
    for split in splits:
        data = {"IMAGES": paths, "CAPTIONS": captions(5 * images, words, generator)}
        (folder / f"{split}_data.json").write_text(json.dumps(data), encoding="utf-8")
