"""A stand-in for a trained model and its gallery, without Paddle: colours and their names."""

from types import SimpleNamespace

import numpy as np
from PIL import Image

from vsepp.data.preprocessing import Preprocessing
from vsepp.demo.answers import QueryAnswerer
from vsepp.demo.searched import SplitPhotographs, SplitSentences
from vsepp.metrics.top_k import top_k
from vsepp.system.errors import InputError
from vsepp.text.reader import WordReader
from vsepp.text.vocabulary import Vocabulary

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
WORDS = ("a", "photo", "of", *COLOURS, "picture")


class ColourWords:
    """Has what ``QueryAnswerer`` asks of a ``RetrievalModel``.

    Attributes:
        at_work: how many threads are inside it.
        crowded: whether there was ever more than one.
    """

    def __init__(self):
        self.config = SimpleNamespace(loss="triplet", text_model="gru")
        self.preprocessing = Preprocessing(8, 8)
        self.checkpoint = "colours.ckpt"
        self.reader = WordReader(Vocabulary.build([WORDS], 0))
        self.reader.words = lambda sentence: sentence.lower().split()
        self.at_work, self.crowded = 0, False

    def unknown_words(self, sentence):
        return self.reader.unknown_words(sentence)

    def nearest_words(self, word):
        return self.reader.nearest_words(word)

    def explain_unknown(self, sentence):
        unknown = self.unknown_words(sentence)
        return f"not understood: {', '.join(unknown)}" if unknown else ""

    def encode_indices(self, captions):
        return np.zeros((len(captions), 3), np.float32)

    def encode_text(self, sentence):
        self._work()
        known = [COLOURS[word] for word in self.reader.words(sentence) if word in COLOURS]
        if not known:
            raise InputError(f"none of the words of {sentence!r} is in the vocabulary.")
        return np.mean(known, axis=0, dtype=np.float32)[None]

    def encode_image(self, image):
        self._work()
        return np.asarray(image.resize((1, 1), Image.BOX), np.float32).reshape(1, 3) / 255

    def classify(self, image, labels, template):
        scores = [
            float(self.encode_image(image)[0] @ self.encode_text(template.format(label))[0])
            for label in labels
        ]
        return {labels[place]: scores[place] / sum(scores) for place in np.argsort(scores)[::-1]}

    def _work(self):
        self.at_work += 1
        self.crowded |= self.at_work > 1
        np.linalg.norm(np.ones((300, 300)))
        self.at_work -= 1


class ColourGallery:
    """Has what ``SplitPhotographs`` and ``SplitSentences`` ask of a ``Gallery``."""

    def __init__(self, folder):
        self.paths, codes = [], []
        for name, colour in COLOURS.items():
            self.paths.append(folder / f"{name}.png")
            Image.new("RGB", (40, 30), tuple(255 * part for part in colour)).save(self.paths[-1])
            codes.append(colour)
        self.images = self.texts = np.array(codes, np.float32)
        self.sentences = [f"a {name} picture ." for name in COLOURS]
        self.dataset = SimpleNamespace(
            folder=folder,
            split="test",
            image_path=lambda place: self.paths[place],
            image_name=lambda place: str(self.paths[place]),
        )

    def find_images(self, code, k):
        scores = self.images @ code
        found = top_k(scores, k)
        return found, scores[found]

    find_sentences = find_images


def make_answers(folder):
    """``QueryAnswerer`` over three pictures of one colour each, drawn in ``folder``."""
    gallery = ColourGallery(folder)
    return QueryAnswerer(ColourWords(), SplitPhotographs(gallery), SplitSentences(gallery))
