"""One answer: an image or a sentence, the model loaded, its candidates' codes at hand."""

from contextlib import ExitStack

import numpy as np

from benchmarks import synthetic
from benchmarks.random_model import save_random_model
from benchmarks.results import Figure, Result, compared

TITLE = "one answer from a loaded model"
SMOKE = dict(
    image_model="shufflenet_v2_x0_25",
    feature_size=512,
    resize=36,
    image_size=32,
    word_dim=5,
    embed_size=6,
    words=20,
    images=8,
)
_SENTENCE_WORDS = 10


def _sentence():
    return " ".join(f"word{number}" for number in range(_SENTENCE_WORDS))


class Ours:
    """``vsepp.load``, ``encode_image`` or ``encode_text``, and the best five candidates."""

    def __init__(
        self,
        folder,
        photograph,
        image_model,
        feature_size,
        resize,
        image_size,
        word_dim,
        embed_size,
        words,
        images,
    ):
        import time

        import vsepp

        path = f"{folder}/answers.ckpt"
        save_random_model(
            path,
            words,
            image_model=image_model,
            resize=resize,
            image_size=image_size,
            word_dim=word_dim,
            embed_size=embed_size,
        )
        self.codes = synthetic.unit_codes(images, 5, embed_size)
        self.photograph, self.sentence = photograph, _sentence()
        start = time.perf_counter()
        self.model = vsepp.load(path)
        self.run("sentence")
        sentence = time.perf_counter() - start
        self.run("image")
        self.info = {
            "first sentence": sentence,
            "first image": time.perf_counter() - start - sentence,
        }

    def run(self, query):
        from vsepp.metrics.top_k import scores_of_image, scores_of_text, top_k

        if query == "image":
            code = self.model.encode_image(self.photograph)[0]
            scores = scores_of_image(code, self.codes[1], self.model.measure)
        else:
            code = self.model.encode_text(self.sentence)[0]
            scores = scores_of_text(self.codes[0], code, self.model.measure)
        return top_k(scores, 5).tolist()


class Documented:
    """Eager Paddle, the padded GRU, Paddle's transforms, sorting."""

    def __init__(
        self,
        folder,
        photograph,
        image_model,
        feature_size,
        resize,
        image_size,
        word_dim,
        embed_size,
        words,
        images,
    ):
        import paddle

        from benchmarks import documented_model as documented
        from benchmarks.documented_images import transform
        from vsepp.models.backbones import build_backbone

        paddle.seed(0)
        self.paddle = paddle
        self.backbone = build_backbone(image_model)
        self.head = documented.FeatureEncoder(embed_size, feature_size)
        self.text = documented.TextEncoder(words, word_dim, embed_size)
        for network in (self.backbone, self.head, self.text):
            network.eval()
        self.transform = transform(False, resize, image_size)
        self.codes = synthetic.unit_codes(images, 5, embed_size)
        self.photograph, self.sentence = photograph, _sentence()
        self.vocabulary = synthetic.vocabulary(words)

    def run(self, query):
        from PIL import Image

        paddle = self.paddle
        with paddle.no_grad():
            if query == "image":
                image = self.transform(Image.open(self.photograph).convert("RGB"))
                code, candidates = self.head(self.backbone(image.unsqueeze(0))), self.codes[1]
            else:
                known = [self.vocabulary[word] for word in self.sentence.split()]
                caption = [self.vocabulary["<start>"], *known, self.vocabulary["<end>"]]
                padded = np.zeros((1, synthetic.LONGEST), np.int64)
                padded[0, : len(caption)] = caption
                code = self.text(paddle.to_tensor(padded), paddle.to_tensor([len(caption)]))
                candidates = self.codes[0]
        return np.argsort(-(candidates @ code.numpy()[0]))[:5].tolist()


def measure(
    bench,
    image_model="resnet50",
    feature_size=2048,
    resize=256,
    image_size=224,
    word_dim=300,
    embed_size=1024,
    words=2600,
    images=1000,
    rounds=15,
):
    """Our answer to an image and to a sentence against the documented way."""
    photograph = synthetic.draw_photographs(bench.folder / "asked", 1)[0]
    settings = dict(
        folder=str(bench.folder),
        photograph=str(photograph),
        image_model=image_model,
        feature_size=feature_size,
        resize=resize,
        image_size=image_size,
        word_dim=word_dim,
        embed_size=embed_size,
        words=words,
        images=images,
    )
    result = Result(
        f"{TITLE}: {image_model}, {images:,} images and {5 * images:,} sentences to choose from"
    )
    with ExitStack() as stack:
        sides, _ = bench.open_all(
            stack,
            {
                "ours": ("answers:Ours", "paddle", settings),
                "eager, documented": ("answers:Documented", "paddle", settings),
            },
        )
        for query in ("image", "sentence"):
            taken = bench.compare(
                f"one {query}",
                {name: lambda side=side: side.run(query=query) for name, side in sides.items()},
                rounds,
                warm=2,
            )
            result.rows += compared(f"one {query}", taken.pop("ours"), taken)
        result.figures = [
            Figure(f"{name}, with loading its half of the model", seconds, "s")
            for name, seconds in sides["ours"].info.items()
        ]
    return result
