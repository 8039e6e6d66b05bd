"""Image features and captions as the authors of VSE++ publish them: ``f30k_precomp`` and so on.

A folder with ``{train,dev,test}_caps.txt``, one caption to a line, and
``{train,dev,test}_ims.npy``, float ``[rows, feature_size]``: one row per image, or one per
caption, which are the five equal rows of each image. There are no photographs, and which
network made the features is not written anywhere.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vsepp.data.encoding import Encoding
from vsepp.data.karpathy import KarpathyImage
from vsepp.data.preparation import assemble, print_counts, write_dataset
from vsepp.data.preprocessing import Preprocessing
from vsepp.data.splits import NO_PHOTOGRAPHS
from vsepp.data.stored.features import GIVEN, FeatureOrigin, FeatureStore
from vsepp.data.words import build_vocabulary
from vsepp.system.errors import InputError
from vsepp.system.npy_files import read_npy
from vsepp.system.progress import progress
from vsepp.text.tokens import AUTO, detect_tokenizer, find_tokenizer

CAPTIONS_PER_IMAGE = 5
_SPLITS = {"train": "train", "val": "dev", "test": "test"}  # our name of a split: the authors'
_BLOCK = 1000  # rows read at a time; a multiple of CAPTIONS_PER_IMAGE
_MEND = "give --precomp a folder with the authors' {train,dev,test}_caps.txt and _ims.npy"


@dataclass(frozen=True)
class _Split:
    """A pair of files.

    Attributes:
        captions: as written, in order.
        rows: memory-mapped ``[n, feature_size]``.
        rows_per_image: image ``i`` has row ``i * rows_per_image``.
        captions_per_image: image ``i`` has as many captions from ``i * captions_per_image`` on.
    """

    captions: list
    rows: np.ndarray
    rows_per_image: int
    captions_per_image: int

    @property
    def images(self):
        return len(self.captions) // self.captions_per_image


class Precomputed:
    """The authors' files of one data set, read through and checked.

    With as many rows as captions, five equal rows after another, all through the file, are
    one image with five captions; otherwise each row is an image with one caption.

    Args:
        folder: where the files are.
        tokenizer: name of what cuts the captions; ``auto`` is the authors' ``treebank``, or
            ``jieba`` when they are Chinese.

    Attributes:
        tokenizer: as given, ``auto`` decided; it may be set to another name.
        captions_per_image: 5 or 1.
        captions_sha256: checksum of the captions' files.
        origin: :class:`FeatureOrigin` of the features; its fingerprint is that of the rows.

    Raises:
        InputError: naming the file, when one is missing or cannot be used, or when they do
            not fit together.
    """

    def __init__(self, folder, tokenizer=AUTO):
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise InputError(f"{folder} is no folder: {_MEND}.")
        captions_digest, rows_digest = hashlib.sha256(), hashlib.sha256()
        self._splits, first = {}, None
        for split in _SPLITS:
            path = self._path(split, "ims.npy")
            captions = self._read_captions(split, captions_digest)
            rows = self._open_rows(path, len(captions))
            self._splits[split] = read = _Split(
                captions, rows, *self._look_through(path, rows, len(captions), rows_digest)
            )
            first = first or read
            if rows.shape[1] != first.rows.shape[1]:
                raise InputError(
                    f"{path} has rows of {rows.shape[1]} numbers, train_ims.npy of "
                    f"{first.rows.shape[1]}: give files of the same features."
                )
            if read.captions_per_image != first.captions_per_image:
                raise InputError(
                    f"{path} has {read.captions_per_image} captions to an image, train_ims.npy "
                    f"{first.captions_per_image}: give files of the same data set."
                )
        self.tokenizer = (
            tokenizer
            if tokenizer != AUTO
            else detect_tokenizer(
                (text for split in self._splits.values() for text in split.captions), "treebank"
            )
        )
        self.captions_per_image = first.captions_per_image
        self.captions_sha256 = captions_digest.hexdigest()
        self.origin = FeatureOrigin(
            GIVEN, first.rows.shape[1], Encoding(rows_digest.hexdigest(), Preprocessing(0, 0))
        )

    def _path(self, split, kind):
        return self.folder / f"{_SPLITS[split]}_{kind}"

    def _read_captions(self, split, digest):
        path = self._path(split, "caps.txt")
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise InputError(f"{path} does not exist: {_MEND}.") from None
        digest.update(f"{split} {len(data)}\n".encode() + data)
        try:
            lines = data.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise InputError(f"{path}, line {line} is not UTF-8: save the file as UTF-8.") from None
        captions = [line.strip() for line in lines[:-1] + lines[-1:] * bool(lines[-1])]
        if not any(captions):
            raise InputError(f"{path} holds no captions: {_MEND}.")
        return captions

    def _open_rows(self, path, captions):
        rows = read_npy(path, _MEND)
        if rows.ndim != 2 or rows.dtype.kind != "f" or not rows.shape[1]:
            raise InputError(
                f"{path} holds {rows.dtype} {list(rows.shape)}, not one row of "
                f"floating-point numbers per image or caption: {_MEND}."
            )
        if len(rows) != captions and len(rows) * CAPTIONS_PER_IMAGE != captions:
            raise InputError(
                f"{path} has {len(rows)} rows for {captions} captions: there must be as many rows "
                f"as captions, or {CAPTIONS_PER_IMAGE} captions to a row; fetch both files again."
            )
        return rows

    def _look_through(self, path, rows, captions, digest):
        """(rows, captions) of an image; every number is looked at and goes into ``digest``."""
        digest.update(f"{path.name} {len(rows)} {rows.shape[1]}\n".encode())
        folded = len(rows) == captions and captions % CAPTIONS_PER_IMAGE == 0
        for start in progress(
            range(0, len(rows), _BLOCK), f"reading {path.name}", unit="block", leave=False, delay=1
        ):
            block = _float32(rows[start : start + _BLOCK])
            finite = np.isfinite(block).all(axis=1)
            if not finite.all():
                raise InputError(
                    f"{path}, row {start + int(np.argmin(finite))} holds NaN or "
                    "infinity: fetch the file again."
                )
            digest.update(block.astype("<f4", copy=False).data)
            if folded:
                groups = block.reshape(-1, CAPTIONS_PER_IMAGE, block.shape[1])
                folded = bool((groups == groups[:, :1]).all())
        if folded:
            return CAPTIONS_PER_IMAGE, CAPTIONS_PER_IMAGE
        return 1, captions // len(rows)

    def images(self):
        """The images of all splits as ``KarpathyImage``; one is called ``test image 12``."""
        result, cut = [], find_tokenizer(self.tokenizer)
        for name, split in self._splits.items():
            for image in range(split.images):
                start = image * split.captions_per_image
                written = tuple(split.captions[start : start + split.captions_per_image])
                result.append(
                    KarpathyImage(
                        f"{name} image {image}",
                        name,
                        tuple(tuple(cut(text)) for text in written),
                        written,
                    )
                )
        return result

    def features(self, split, images):
        """Yield float32 ``[batch, feature_size]`` of images, given by number, in order."""
        source = self._splits[split]
        for start in range(0, len(images), _BLOCK):
            chosen = np.asarray(images[start : start + _BLOCK]) * source.rows_per_image
            yield _float32(source.rows[chosen])


def _float32(rows):
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return np.ascontiguousarray(rows, dtype=np.float32)


def create_precomputed(
    source, data_dir, dataset, captions_per_image, min_word_count, max_len, seed=0, vocabulary=None
):
    """Prepare a data set of given features: what ``create_dataset`` writes, and the features.

    ``IMAGES`` in the split files are names of files that do not exist, such as
    ``data_dir/dataset/precomp/test image 12``. The features go where :class:`FeatureStore`
    reads them, and ``prepared.json`` says under ``features`` which they are.

    Args:
        source: :class:`Precomputed`.
        data_dir, dataset, captions_per_image, min_word_count, max_len, seed, vocabulary: as for
            ``create_dataset``.

    Returns:
        dict: what ``prepared.json`` holds.

    Raises:
        InputError: when no image has a usable caption.
    """
    folder = os.path.join(data_dir, dataset)
    images = source.images()
    words = build_vocabulary(images, min_word_count, vocabulary)
    paths = [os.path.join(folder, NO_PHOTOGRAPHS, image.name) for image in images]
    content = assemble(images, paths, (), words, captions_per_image, max_len, seed)
    if not content.counts["train"]["images"]:
        raise InputError(
            f"{source.folder}: no training image has a caption of 1 to {max_len} "
            "words: check train_caps.txt and max_len."
        )
    store = FeatureStore(folder, source.origin)
    for split, data in content.splits.items():
        if data["IMAGES"] and store.read(split, data["IMAGES"]) is None:
            _store(store, source, split, data["IMAGES"])
    prepared = {
        "options": {
            "captions_per_image": captions_per_image,
            "min_word_count": min_word_count,
            "max_len": max_len,
            "seed": seed,
            "tokenizer": source.tokenizer,
            "captions_sha256": source.captions_sha256,
            **(vocabulary.options() if vocabulary else {}),
        },
        "splits": content.counts,
        "words": len(words),
        "features": source.origin.record(),
    }
    write_dataset(folder, words, content, prepared)
    print_counts(dataset, prepared)
    return prepared


def _store(store, source, split, names):
    numbers = [int(name.rpartition(" ")[2]) for name in names]
    with progress(description=f"features of {split}", total=len(numbers), unit="image") as bar:
        store.write(split, names, lambda first: source.features(split, numbers[first:]), bar.update)
