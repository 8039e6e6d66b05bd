"""What is searched: photographs of an index or of a data set's split, and a split's sentences."""

import os
from typing import NamedTuple

import numpy as np


class FoundPhotograph(NamedTuple):
    """A photograph that fits a query.

    Attributes:
        place: among all that are searched.
        path: the file.
        name: what a visitor is told of it.
        score: the similarity.
    """

    place: int
    path: str
    name: str
    score: float


def tellable(path):
    """A path as UTF-8 can hold it: what of its bytes was none becomes a question mark."""
    return str(path).encode("utf-8", "replace").decode("utf-8")


class IndexedPhotographs:
    """The photographs of an index that ``tools/search.py`` made.

    Args:
        index: ``vsepp.index.photographs.PhotographIndex``.
    """

    def __init__(self, index):
        self._index = index
        self.described = f"{len(index):,} photographs"

    def __len__(self):
        return len(self._index)

    def find(self, code, k):
        """The ``k`` that fit a code best, as :class:`FoundPhotograph`, best first."""
        rows, scores = self._index.search_rows(code, k)
        return [
            FoundPhotograph(int(row), self.path(row), self.name(row), float(score))
            for row, score in zip(rows, scores)
        ]

    def code(self, place):
        """The code of the photograph at a place, float32 ``[size]``."""
        return self._index.code(place)

    def path(self, place):
        """The file of the photograph at a place."""
        return os.path.abspath(self._index.path(self._index.photograph(place)))

    def name(self, place):
        """What a visitor is told of the photograph at a place."""
        return tellable(self._index.photograph(place).path)


class DatasetPhotographs:
    """The photographs of a prepared data set's split, to be looked at.

    Args:
        dataset: ``vsepp.data.dataset.CaptionDataset``.
    """

    def __init__(self, dataset):
        self._dataset = dataset

    def __len__(self):
        return len(self._dataset.images)

    def path(self, place):
        """The file of the photograph at a place."""
        return os.path.abspath(self._dataset.image_path(place))

    def name(self, place):
        """What a visitor is told of the photograph at a place."""
        name = self._dataset.image_name(place)
        return tellable(name.replace("\\", "/").rpartition("/")[2])


class SplitPhotographs(DatasetPhotographs):
    """The photographs of a prepared data set's split, to be searched.

    Args:
        gallery: ``vsepp.retrieval.gallery.Gallery``.
    """

    def __init__(self, gallery):
        super().__init__(gallery.dataset)
        self._gallery = gallery
        dataset = gallery.dataset
        self.described = (
            f"{len(gallery.images):,} photographs of {dataset.folder.name}'s {dataset.split} split"
        )

    def __len__(self):
        return len(self._gallery.images)

    def find(self, code, k):
        """The ``k`` that fit a code best, as :class:`FoundPhotograph`, best first."""
        places, scores = self._gallery.find_images(code, k)
        return [
            FoundPhotograph(int(place), self.path(place), self.name(place), float(score))
            for place, score in zip(places, scores)
        ]

    def code(self, place):
        """The code of the photograph at a place, float32 ``[size]``."""
        return np.asarray(self._gallery.images[place], np.float32)


class SplitSentences:
    """The captions of a prepared data set's split.

    Args:
        gallery: ``vsepp.retrieval.gallery.Gallery``.
    """

    def __init__(self, gallery):
        self._gallery = gallery
        dataset = gallery.dataset
        self.described = (
            f"{len(gallery.texts):,} captions of {dataset.folder.name}'s {dataset.split} split"
        )

    def __len__(self):
        return len(self._gallery.texts)

    def find(self, code, k):
        """The ``k`` captions that fit an image's code best: ``(sentence, similarity)`` each."""
        places, scores = self._gallery.find_sentences(code, k)
        return [
            (self._gallery.sentences[place], float(score)) for place, score in zip(places, scores)
        ]

    def sentence(self, place):
        """The caption at a place."""
        return self._gallery.sentences[place]
