"""What is searched: photographs of an index or of a data set's split, and a split's sentences."""

from typing import NamedTuple


class FoundPhotograph(NamedTuple):
    """A photograph that fits a query.

    Attributes:
        path: the file.
        name: what a visitor is told of it.
        score: the similarity.
    """

    path: str
    name: str
    score: float


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
        photographs, scores = self._index.search(code, k)
        return [
            FoundPhotograph(str(self._index.path(photograph)), photograph.path, float(score))
            for photograph, score in zip(photographs, scores)
        ]

    def path(self, place):
        """The file of the photograph at a place."""
        return str(self._index.path(self._index.manifest.photographs[place]))


class SplitPhotographs:
    """The photographs of a prepared data set's split.

    Args:
        gallery: ``vsepp.retrieval.gallery.Gallery``.
    """

    def __init__(self, gallery):
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
            FoundPhotograph(self.path(place), self._name(place), float(score))
            for place, score in zip(places, scores)
        ]

    def path(self, place):
        """The file of the photograph at a place."""
        return str(self._gallery.dataset.image_path(place))

    def _name(self, place):
        name = self._gallery.dataset.image_name(place)
        return name.replace("\\", "/").rpartition("/")[2]


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
