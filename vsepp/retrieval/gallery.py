"""A split's images and captions with their codes: what queries are answered from.

The codes are computed once for a checkpoint and a split, and kept beside the checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open

from vsepp.data.dataset import CaptionDataset, open_dataset
from vsepp.data.encoding import Encoding
from vsepp.data.orientation import described
from vsepp.data.prepared import Prepared
from vsepp.data.stored.features import FeatureOrigin, FeatureStore
from vsepp.data.stored.views import MIRROR
from vsepp.metrics.top_k import scores_of_image, scores_of_text, top_k
from vsepp.retrieval.encoding import share_codes
from vsepp.retrieval.mirroring import averaged
from vsepp.system.errors import InputError
from vsepp.system.fingerprints import list_fingerprint
from vsepp.system.tensor_files import write_tensors
from vsepp.text.equal import first_of_equal_captions

if TYPE_CHECKING:
    from vsepp.retrieval.model import RetrievalModel

_HEADER = "vsepp_codes"


class Gallery:
    """The images and captions of a split and their codes.

    Args:
        dataset: ``CaptionDataset``.
        images: float32 ``[n_images, embed_size]``.
        texts: float32 ``[n_captions, embed_size]``.
        measure: ``cosine`` or ``order``.
    """

    def __init__(
        self, dataset: CaptionDataset, images: np.ndarray, texts: np.ndarray, measure: str
    ) -> None:
        self.dataset = dataset
        self.images = images
        self.texts = texts
        self.measure = measure
        self.sentences = dataset.sentences()

    def find_images(self, text_code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The images that fit a code ``[embed_size]`` best: (positions, scores), ``[k]``."""
        scores = scores_of_text(self.images, text_code, self.measure)
        found = top_k(scores, k)
        return found, scores[found]

    def find_sentences(self, image_code: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """The captions that fit a code ``[embed_size]`` best: (positions, scores), ``[k]``."""
        scores = scores_of_image(image_code, self.texts, self.measure)
        found = top_k(scores, k)
        return found, scores[found]


def open_gallery(
    model: RetrievalModel, folder: str | Path, split: str, log: Callable[[str], object] = print
) -> Gallery:
    """The gallery of a split under a model; its codes are computed when they are not stored.

    Where the data set's vocabulary is not the checkpoint's, its captions are cut and encoded
    anew, from how they were written, as the checkpoint's own training captions were. Its
    photographs are turned by EXIF where it is prepared so, whatever the checkpoint was trained on.

    Args:
        model: ``RetrievalModel``.
        folder: the prepared data set's folder.
        split: name of the split.
        log: called with a line when the captions were encoded anew, when the photographs of the
            checkpoint's training were turned otherwise, or when the codes are not kept.

    Raises:
        InputError: when the split is missing, or when the vocabulary is not the checkpoint's
            and ``{split}_sentences.json`` is missing.
    """
    prepared = Prepared(folder)
    dataset = open_dataset(prepared, split)
    if not model.reader.reads(dataset):
        _read_anew(model, dataset, log)
    if not prepared.features and dataset.exif != model.exif:
        log(
            f"{dataset.folder.name}'s photographs are {described(dataset.exif)}; those that "
            f"{model.checkpoint} was trained on were {described(model.exif)}"
        )
    features = model.feature_store(prepared)
    if features and not all(features.holds(split, dataset.images, view) for view in _views(model)):
        features = None
    if features is None and prepared.features and model.config.test_flip:
        raise InputError(
            f"test_flip: {dataset.folder.name} came with its features, and there are no "
            "photographs to mirror: give -o test_flip=false."
        )
    keys = _keys(model, dataset, features, prepared.features)
    checkpoint = Path(model.checkpoint)
    path = checkpoint.with_name(f"{checkpoint.stem}.{Path(folder).name}_{split}.codes")
    stored = _read(
        path,
        keys,
        [(len(items), model.config.embed_size) for items in (dataset.images, dataset.captions)],
    )
    if stored is None:
        stored = _encode(model, dataset, features)
        try:
            write_tensors(
                path, dict(zip(("images", "texts"), stored)), {_HEADER: json.dumps(keys[0])}
            )
        except OSError as error:  # the answer does not depend on it
            log(f"the codes could not be kept beside the checkpoint ({error.strerror})")
    else:  # which were not always encoded once for equal captions
        share_codes(stored[1], first_of_equal_captions(dataset.captions))
    return Gallery(dataset, *stored, model.measure)


def _views(model: RetrievalModel) -> tuple[int, ...]:
    """The views of a photograph that its code is made of."""
    return (0, MIRROR) if model.config.test_flip else (0,)


def _keys(
    model: RetrievalModel,
    dataset: CaptionDataset,
    features: FeatureStore | None,
    given: FeatureOrigin | None,
) -> list[dict[str, Any]]:
    """What tells a gallery's codes from others: as it is written now, and as it may have been."""
    encoding = Encoding.of_model(model, dataset.exif)
    if features:
        encoding = replace(encoding, precision=features.origin.encoding.precision)
    keys = []
    for each in (encoding, encoding.without_flags()):
        record = each.record()
        keys.append(
            {
                "checkpoint": record.pop("fingerprint"),
                **record,
                "images": list_fingerprint(dataset.images),
                "captions": list_fingerprint(dataset.captions),
            }
        )
        if given:  # other features may come under the same names
            keys[-1]["features"] = given.encoding.fingerprint
    return keys


def _read_anew(
    model: RetrievalModel, dataset: CaptionDataset, log: Callable[[str], object]
) -> None:
    """Give a data set's captions the indices that the checkpoint's text encoder takes."""
    if getattr(model.reader, "vocabulary", None) is None:  # it reads every data set so
        captions, _ = model.reader.read_anew(dataset.written_sentences())
        dataset.take_captions(captions, model.reader)
        return
    if not dataset.keeps_sentences():
        raise InputError(
            f"{dataset.folder / 'vocab.json'} does not belong to {model.checkpoint}: "
            "the data set was prepared otherwise than for that training; prepare it "
            "as it was, or train anew."
        )
    captions, unknown = model.reader.read_anew(dataset.sentences())
    dataset.take_captions(captions, model.reader)
    log(
        f"{dataset.folder.name} has another vocabulary than {model.checkpoint}: the sentences of "
        f"its {dataset.split} split are cut by the checkpoint's tokenizer {model.tokenizer} and "
        f"encoded with its vocabulary, which lacks {100 * unknown:.1f} % of their words"
    )


def _read(
    path: Path, keys: list[dict[str, Any]], shapes: list[tuple[int, int]]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Stored codes, or None when there are none of this checkpoint and split, or damaged ones."""
    if not path.exists():
        return None
    try:
        with safe_open(str(path), framework="numpy") as file:
            if json.loads((file.metadata() or {}).get(_HEADER, "null")) not in keys:
                return None
            stored = file.get_tensor("images"), file.get_tensor("texts")
    except (SafetensorError, OSError, OverflowError, ValueError, TypeError, RecursionError):
        return None
    whole = all(
        codes.dtype == np.float32 and codes.shape == shape and np.isfinite(codes).all()
        for codes, shape in zip(stored, shapes)
    )
    return stored if whole else None


def _encode(
    model: RetrievalModel, dataset: CaptionDataset, features: FeatureStore | None
) -> tuple[np.ndarray, np.ndarray]:
    images = _encode_images(model, dataset, features)  # first: a model may have no backbone
    return images, model.encode_indices(dataset.captions, quiet=False)


def _encode_images(
    model: RetrievalModel, dataset: CaptionDataset, features: FeatureStore | None
) -> np.ndarray:
    if features:
        codes = [
            model.encode_features(features.read(dataset.split, dataset.images, view))
            for view in _views(model)
        ]
        return averaged(model.image_extractor, *codes) if len(codes) > 1 else codes[0]
    return model.encode_photographs(dataset, quiet=False)


def same_photograph(
    path: str | Path, folder: str | Path, splits: Iterable[str]
) -> tuple[CaptionDataset, int] | tuple[None, None]:
    """Where a photograph stands in a data set: by its path, else by its content.

    Args:
        path: the photograph.
        folder: the prepared data set's folder.
        splits: names of splits to look in.

    Returns:
        (``CaptionDataset``, position in its ``images``), or (None, None).
    """
    path = Path(path)
    prepared = Prepared(folder)
    datasets = [open_dataset(prepared, split) for split in splits]
    places = [
        (dataset, image_id, dataset.image_path(image_id))
        for dataset in datasets
        for image_id in range(len(dataset.images))
    ]
    wanted = path.resolve()
    for dataset, image_id, place in places:
        if place.name == path.name and place.resolve() == wanted:
            return dataset, image_id
    size, content = path.stat().st_size, path.read_bytes()
    for dataset, image_id, place in places:
        if place.exists() and place.stat().st_size == size and place.read_bytes() == content:
            return dataset, image_id
    return None, None
