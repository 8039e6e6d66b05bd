"""Image–caption pairs of a prepared split, from photographs or from stored features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Dict, Union

import numpy as np

from vsepp.data.file_rows import FileRows
from vsepp.data.images import open_image
from vsepp.data.prepared import Prepared, dataset_words, prepare_again
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.json_files import read_json
from vsepp.system.records import wrong_field
from vsepp.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from PIL import Image
    from typing_extensions import Self  # which Python's typing has from 3.11 on

NO_PHOTOGRAPHS = "precomp"  # folder in the paths of images of which there are only features


def prepared_folder(data_dir: str | Path, dataset: str) -> Path:
    """A prepared data set's folder; InputError when it is not prepared."""
    folder = Path(data_dir) / dataset
    if not (folder / "vocab.json").exists():
        raise InputError(
            f"{folder} is not a prepared data set: run "
            f"`{command('prepare', *dataset_words(folder))}` first."
        )
    return folder


def split_file(dataset_path: str | Path, split: str) -> Path:
    """``{split}_data.json`` for a data set's folder, or the file itself when it is given."""
    path = Path(dataset_path)
    return path if path.suffix == ".json" else path / f"{split}_data.json"


def read_split(
    dataset_path: str | Path, split: str, captions_per_image: int, vocab_size: int, max_len: int
) -> tuple[list[str], list[list[int]]]:
    """Read and check ``{split}_data.json``.

    Returns:
        (list of image paths, list of captions as lists of indices)

    Raises:
        InputError: when the file is missing or malformed, when the captions do not fit
            the images or the vocabulary, or when one is empty or beyond the padding.
    """
    path = split_file(dataset_path, split)
    if not path.exists():
        raise InputError(
            f"{path} does not exist: there is no {split} split; prepare a data set that has one "
            f"with `{command('prepare')}`."
        )
    mend = prepare_again(path.parent)
    data = read_json(path, mend)
    malformed = wrong_field(data, {"IMAGES": list, "CAPTIONS": list})
    if malformed or not all(isinstance(image, str) for image in data["IMAGES"]):
        raise InputError(f"{path} lacks the lists 'IMAGES' and 'CAPTIONS': {mend}.")
    images, captions = data["IMAGES"], data["CAPTIONS"]
    if not images:
        raise InputError(
            f"{path} holds no images: the {split} split is empty; prepare a data set that has "
            f"one with `{command('prepare')}`."
        )
    if len(captions) != captions_per_image * len(images):
        raise InputError(
            f"{path}: {len(captions)} CAPTIONS do not fit {len(images)} IMAGES with "
            f"captions_per_image {captions_per_image}: set captions_per_image to what the data "
            f"was prepared with, or {mend}."
        )
    for position, caption in enumerate(captions):
        if not isinstance(caption, list) or not all(type(index) is int for index in caption):
            raise InputError(f"{path}: caption {position} is not a list of indices: {mend}.")
        if not 1 <= len(caption) <= max_len + 2:
            raise InputError(
                f"{path}: caption {position} has length {len(caption)}, outside 1 to max_len + 2 "
                f"= {max_len + 2}: set max_len to what the data was prepared with, or {mend}."
            )
        if not 0 <= min(caption) <= max(caption) < vocab_size:
            raise InputError(
                f"{path}: caption {position} has a word beyond the vocabulary's "
                f"{vocab_size}: vocab.json and the split do not belong together; "
                f"{mend}."
            )
    return images, captions


class CaptionDataset:
    """The captions of a split and which image each belongs to.

    Works as a map-style dataset in ``paddle.io.DataLoader``. Item ``i`` is (image of
    caption ``i``, caption padded with ``<pad>`` to ``max_len + 2`` as int64, true length).
    Subclasses say what an image is.

    Attributes:
        images: paths as in the split file.
        captions: lists of indices without padding.
        vocabulary: the ``Vocabulary``.
        captions_per_image, max_len, split: as given.
        exif: whether photographs are turned as their EXIF orientation says: as given, or as the
            data set was prepared.
        decode: from a list of indices to a sentence.
        padded_length: indices of an item's caption.
        decodes: whether reading an image takes long enough for a thread of its own.
        data, vocab, cpi, dataset_size: the same by the names that loops written by hand use.
    """

    decodes = False

    def __init__(
        self,
        dataset_path: str | Path,
        vocab_path: str | Path,
        split: str,
        captions_per_image: int = 5,
        max_len: int = 30,
        exif: bool | None = None,
    ) -> None:
        self.vocabulary = Vocabulary.load(vocab_path)
        self.images, self.captions = read_split(
            dataset_path, split, captions_per_image, len(self.vocabulary), max_len
        )
        self.folder = split_file(dataset_path, split).parent
        self.exif = Prepared(self.folder).exif if exif is None else exif
        self.split = split
        self.captions_per_image = captions_per_image
        self.max_len = max_len
        self.padded_length = max_len + 2
        self.decode = self.vocabulary.decode
        self._appended: list[CaptionDataset] = []

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def data(self) -> Dict[str, list]:
        """What the split file holds: ``{"IMAGES": paths, "CAPTIONS": lists of indices}``."""
        return {"IMAGES": self.images, "CAPTIONS": self.captions}

    @property
    def vocab(self) -> Dict[str, int]:
        """What ``vocab.json`` holds: ``{word: index}``."""
        return self.vocabulary.word_to_index

    @property
    def cpi(self) -> int:
        """Captions per image."""
        return self.captions_per_image

    @property
    def dataset_size(self) -> int:
        """The number of captions."""
        return len(self.captions)

    def image_id(self, index: int) -> int:
        """Position in ``images`` of the image of caption ``index``."""
        return index // self.captions_per_image

    def image_path(self, image_id: int) -> Path:
        """Where the photograph is: as written, or in ``images`` beside the split file."""
        path = Path(self.images[image_id])
        if path.exists():
            return path
        # Read as a Windows path: both kinds of slashes part names, wherever it was written.
        parts = PureWindowsPath(self.images[image_id]).parts
        # Any folder called images can be the data set's.
        below = [parts[place + 1 :] for place, part in enumerate(parts[:-1]) if part == "images"]
        for names in below or [parts[-1:]]:
            moved = self.folder.joinpath("images", *names)
            if moved.exists():
                return moved
        return path

    def photograph(self, image_id: int) -> Image.Image:
        """The photograph, RGB and whole, turned by EXIF where the data set is prepared so.

        Raises:
            InputError: when it cannot be decoded.
        """
        return open_image(self.image_path(image_id), self.exif)

    def image_name(self, image_id: int) -> str:
        """What people are told of an image: where it is, or which, where features stand for it."""
        path = self.image_path(image_id)
        return path.name if path.parent.name == NO_PHOTOGRAPHS and not path.exists() else str(path)

    def append(self, other: Self) -> None:
        """Let the images and captions of another split of the data set follow its own."""
        self.images = self.images + other.images
        self.captions = self.captions + other.captions
        self._appended.append(other)

    def image(self, image_id: int, caption_index: int | None = None) -> Any:
        """What the network takes as image ``image_id``: an array."""
        raise TypeError(f"{type(self).__name__} does not say what an image is")

    @property
    def _sentences_path(self) -> Path:
        return self.folder / f"{self.split}_sentences.json"

    def take_captions(self, captions: list[list[int]], reader: Any) -> None:
        """Let the captions be what another reader made of their sentences.

        Args:
            captions: a list of indices for each of the captions, none of them empty.
            reader: that can ``decode`` such a list; its ``vocabulary`` is taken where it has one.
        """
        self.captions, self.decode = captions, reader.decode
        self.vocabulary = getattr(reader, "vocabulary", self.vocabulary)
        self.padded_length = max(self.padded_length, *map(len, captions))

    def keeps_sentences(self) -> bool:
        """Whether the captions are there as they were written."""
        return all(each._sentences_path.exists() for each in (self, *self._appended))

    def written_sentences(self) -> list[str]:
        """The captions as they were written, for an encoder that reads no words of ``vocab.json``.

        Raises:
            InputError: when that was not kept, or their file is malformed.
        """
        for each in (self, *self._appended):
            if not each._sentences_path.exists():
                raise InputError(
                    f"{each._sentences_path} does not exist, and the text encoder reads captions "
                    f"as they were written: {prepare_again(each.folder)}."
                )
        return self.sentences()

    def sentences(self) -> list[str]:
        """The captions as they were written; from the vocabulary where that was not kept.

        Raises:
            InputError: when their file is malformed.
        """
        own = len(self.captions) - sum(map(len, self._appended))
        parts = [self._own_sentences(own), *(other.sentences() for other in self._appended)]
        return [sentence for part in parts for sentence in part]

    def _own_sentences(self, count: int) -> list[str]:
        """The first ``count``: those of its own split."""
        path = self._sentences_path
        if not path.exists():
            return [self.decode(caption) for caption in self.captions[:count]]
        written = read_json(path, prepare_again(path.parent))
        if (
            not isinstance(written, list)
            or len(written) != count
            or not all(isinstance(sentence, str) for sentence in written)
        ):
            raise InputError(
                f"{path} is not a list of {count} sentences, one to a caption: "
                f"{prepare_again(path.parent)}."
            )
        return written

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.int64]:
        caption = self.captions[index]
        padded = np.zeros(self.padded_length, dtype=np.int64)
        padded[: len(caption)] = caption
        return self.image(self.image_id(index), index), padded, np.int64(len(caption))


class Joined:
    """Sequences read as one; they are not copied, since they may be on the disk."""

    def __init__(self, parts: list[Sequence[np.ndarray] | np.ndarray | FileRows]) -> None:
        self.parts = parts

    def __getitem__(self, index: int) -> np.ndarray:
        for part in self.parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError("there is no such image")


class ImageTextDataset(CaptionDataset):
    """Photographs and captions of a prepared split.

    Args:
        dataset_path: the folder with ``{split}_data.json``, or that file.
        vocab_path: ``vocab.json``.
        split: train, val, test or restval.
        captions_per_image: what the data was prepared with.
        max_len: longest caption in words; items are padded to ``max_len + 2``.
        transform: from a PIL RGB image to an array. One with ``takes_generator`` is also
            handed a generator that (seed, epoch, caption) decide. Without a transform the
            item holds the PIL image.
        seed: of random crops.
        exif: turn photographs as their EXIF orientation says; by default as ``prepared.json``
            beside the split file says, see ``vsepp.data.orientation``.

    Raises:
        InputError: when the files are missing, malformed or do not belong together; on
            access, when a photograph cannot be decoded.
    """

    decodes = True

    def __init__(
        self,
        dataset_path: str | Path,
        vocab_path: str | Path,
        split: str,
        captions_per_image: int = 5,
        max_len: int = 30,
        transform: Callable[..., Any] | None = None,
        seed: int = 0,
        exif: bool | None = None,
    ) -> None:
        super().__init__(dataset_path, vocab_path, split, captions_per_image, max_len, exif)
        self.transform = transform
        self.seed = seed
        self.epoch = 0
        self.decoded: Joined | None = None

    def take_decoded(self, images: Sequence[np.ndarray] | np.ndarray) -> None:
        """Take images from where they are decoded and resized, instead of from their files.

        Args:
            images: sequence of uint8 ``[height, width, 3]``, one for each of ``self.images``;
                see ``vsepp.data.image_store``. There has to be a transform.
        """
        self.decoded = Joined([images])

    def append(self, other: Self) -> None:
        super().append(other)
        if self.decoded:
            theirs = other.decoded.parts  # type: ignore[union-attr]  # decoded are both or neither
            self.decoded = Joined(self.decoded.parts + theirs)

    def set_epoch(self, epoch: int) -> None:
        """Let random crops be those of this epoch (a whole number from 0)."""
        self.epoch = epoch

    def image(self, image_id: int, caption_index: int | None = None) -> Any:
        picture = self.decoded[image_id] if self.decoded else self.photograph(image_id)
        if self.transform is None:
            return picture
        if getattr(self.transform, "takes_generator", False):
            key = image_id if caption_index is None else caption_index
            return self.transform(picture, np.random.default_rng((self.seed, self.epoch, key)))
        return self.transform(picture)


class FeatureTextDataset(CaptionDataset):
    """Stored backbone features and captions of a prepared split.

    An item's image is a row as it is stored, float32 ``[feature_size]``, or float16 ``[cells,
    feature_size]`` of a grid, which ``training_loader`` makes float32 batch by batch. With views
    it is that of the plain photograph or of one of them, as (seed, epoch, caption) decide, each as
    often as the others.

    Args:
        features: array ``[n_images, ...]``, row ``k`` for ``images[k]``; it may be memory-mapped.
        views: such arrays, of further views of the photographs: see ``vsepp.data.views``.
        mirrored: such an array, of the mirrored photographs.
        seed: of which view an item has.

    The other arguments are those of :class:`ImageTextDataset`.

    Raises:
        InputError: when features are of another number of images.
    """

    def __init__(
        self,
        dataset_path: str | Path,
        vocab_path: str | Path,
        split: str,
        features: np.ndarray,
        captions_per_image: int = 5,
        max_len: int = 30,
        exif: bool | None = None,
        views: Sequence[np.ndarray] = (),
        mirrored: np.ndarray | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(dataset_path, vocab_path, split, captions_per_image, max_len, exif)
        self.features = self._joined(features)
        self._views = [self.features, *map(self._joined, views)]
        self.mirrored = None if mirrored is None else self._joined(mirrored)
        self.seed = seed
        self.epoch = 0

    def _joined(self, features: np.ndarray) -> Joined:
        if len(features) != len(self.images):
            raise InputError(
                f"the features of split {self.split} are {len(features)} rows for "
                f"{len(self.images)} images: run `{command('features')}` again."
            )
        return Joined([FileRows(features)])

    def append(self, other: Self) -> None:
        """Let another split follow, which has to have as many views."""
        super().append(other)
        self._views = [
            Joined(ours.parts + theirs.parts) for ours, theirs in zip(self._views, other._views)
        ]
        self.features = self._views[0]
        if self.mirrored and other.mirrored:
            self.mirrored = Joined(self.mirrored.parts + other.mirrored.parts)
        else:
            self.mirrored = None

    def set_epoch(self, epoch: int) -> None:
        """Let items have the views of this epoch (a whole number from 0)."""
        self.epoch = epoch

    def image(self, image_id: int, caption_index: int | None = None) -> np.ndarray:
        view = 0
        if caption_index is not None and len(self._views) > 1:
            generator = np.random.default_rng((self.seed, self.epoch, caption_index))
            view = int(generator.integers(len(self._views)))
        return self._row(self._views[view], image_id)

    def mirrored_image(self, image_id: int) -> np.ndarray | None:
        """The features of the mirrored photograph, as :meth:`image` gives them, or None."""
        return self._row(self.mirrored, image_id) if self.mirrored else None

    @staticmethod
    def _row(rows: Joined, image_id: int) -> np.ndarray:
        row = np.asarray(rows[image_id])
        return row if row.dtype == np.float16 else row.astype(np.float32, copy=False)


def open_dataset(folder: Union[str, Path, Prepared], split: str) -> CaptionDataset:
    """A split of a prepared data set, with the options that it was prepared with.

    Args:
        folder: the data set's, or a :class:`Prepared` that was read already.
    """
    prepared = folder if isinstance(folder, Prepared) else Prepared(folder)
    return CaptionDataset(
        prepared.folder,
        prepared.folder / "vocab.json",
        split,
        prepared.captions_per_image,
        prepared.max_len,
        prepared.exif,
    )
