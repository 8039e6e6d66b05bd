"""The captions of a prepared split, and which image each belongs to."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, Dict, Union

import numpy as np

from vsepp.data.images import open_image
from vsepp.data.prepared import Prepared, prepare_again
from vsepp.data.splits import NO_PHOTOGRAPHS, read_split, split_file
from vsepp.system.errors import InputError
from vsepp.system.json_files import read_json
from vsepp.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from PIL import Image
    from typing_extensions import Self  # which Python's typing has from 3.11 on


class CaptionDataset:
    """The captions of a split and which image each belongs to.

    Works as a map-style dataset in ``paddle.io.DataLoader``. Item ``i`` is (image of
    caption ``i``, caption padded with ``<pad>`` to ``max_len + 2`` as int64, true length).
    Subclasses say what an image is: ``vsepp.data.image_dataset``, ``vsepp.data.feature_dataset``.

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

    def caption(self, index: int) -> tuple[np.ndarray, np.int64]:
        """Item ``index`` without its image."""
        caption = self.captions[index]
        padded = np.zeros(self.padded_length, dtype=np.int64)
        padded[: len(caption)] = caption
        return padded, np.int64(len(caption))

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray, np.int64]:
        return (self.image(self.image_id(index), index), *self.caption(index))


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
