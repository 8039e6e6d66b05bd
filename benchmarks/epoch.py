"""An epoch over a frozen backbone: stored features against encoding every image for every caption.

Neither side runs the whole of it: a few steps are measured, and the rest is counted.
"""

import itertools
from contextlib import ExitStack

import numpy as np

from benchmarks import synthetic
from benchmarks.results import Figure, Result, compared
from benchmarks.training_step import our_step

TITLE = "an epoch with a frozen backbone"
SMOKE = dict(
    images=6,
    photographs=3,
    steps=2,
    batch=4,
    slice_size=2,
    words=20,
    word_dim=5,
    embed_size=6,
    image_model="shufflenet_v2_x0_25",
    feature_size=512,
    resize=36,
    image_size=32,
)


class Ours:
    """Steps of an epoch: the loader over stored features, and the step."""

    def __init__(
        self,
        folder,
        steps,
        batch,
        words,
        word_dim,
        embed_size,
        feature_size,
        learning_rate,
        grad_clip,
    ):
        from vsepp.data.feature_dataset import FeatureTextDataset
        from vsepp.data.loaders import training_loader

        features = np.load(f"{folder}/features.npy", mmap_mode="r", allow_pickle=False)
        dataset = FeatureTextDataset(folder, f"{folder}/vocab.json", "train", features)
        self.step = our_step(words, word_dim, embed_size, feature_size, learning_rate, grad_clip)
        self.loader = training_loader(dataset, batch)
        self.steps, self.batches, self.numbers = steps, iter(()), itertools.count()
        self.info = {"steps": len(self.loader)}

    def _next(self):
        try:
            return next(self.batches)
        except StopIteration:
            self.batches = iter(self.loader)
            return next(self.batches)

    def run(self):
        for _ in range(self.steps):
            loss = self.step(self._next(), next(self.numbers))
        return float(loss)


class Documented:
    """One step in two pieces: some of the batch's images through the backbone, then the rest."""

    def __init__(
        self,
        folder,
        batch,
        slice_size,
        words,
        word_dim,
        embed_size,
        image_model,
        feature_size,
        resize,
        image_size,
        learning_rate,
        grad_clip,
    ):
        import paddle

        from benchmarks import documented_model as documented
        from benchmarks.documented_images import loader

        self.paddle, self.train_step = paddle, documented.train_step
        encoder = documented.FeatureEncoder(embed_size, feature_size)
        self.model = documented.Model(encoder, documented.TextEncoder(words, word_dim, embed_size))
        from vsepp.models.backbones import build_backbone

        self.backbone = build_backbone(image_model)
        self.backbone.eval()
        self.optimizer = documented.adam(self.model, learning_rate, grad_clip)
        self.loader = loader(folder, slice_size, 0, resize=resize, image_size=image_size)
        self.batches = iter(())
        self.rest = tuple(
            map(paddle.to_tensor, synthetic.training_batches(1, batch, words, feature_size)[0])
        )

    def run(self, piece):
        if piece == "rest":
            return self.train_step(self.model, self.optimizer, *self.rest)
        batch = next(self.batches, None)
        if batch is None:
            self.batches = iter(self.loader)
            batch = next(self.batches)
        with self.paddle.no_grad():
            self.backbone(batch[0]).numpy()


def measure(
    bench,
    images=6000,
    photographs=64,
    steps=20,
    batch=128,
    slice_size=16,
    words=2600,
    word_dim=300,
    embed_size=1024,
    image_model="resnet50",
    feature_size=2048,
    resize=256,
    image_size=224,
    learning_rate=2e-4,
    grad_clip=2.0,
    rounds=3,
):
    """Our epoch, and our first epoch with the features' own time, against the documented one."""
    folder = bench.folder / "epoch"
    files = synthetic.draw_photographs(folder / "images", photographs)
    synthetic.prepare_split(folder, images, words, files)
    np.save(
        folder / "features.npy", np.random.default_rng(0).random((images, feature_size), np.float32)
    )
    model = dict(
        folder=str(folder),
        batch=batch,
        words=words,
        word_dim=word_dim,
        embed_size=embed_size,
        feature_size=feature_size,
        learning_rate=learning_rate,
        grad_clip=grad_clip,
    )
    seen = dict(image_model=image_model, resize=resize, image_size=image_size)
    with ExitStack() as stack:
        sides, _ = bench.open_all(
            stack,
            {
                "ours": ("epoch:Ours", "paddle", {**model, "steps": steps}),
                "features": (
                    "features:Ours",
                    "paddle",
                    {**seen, "paths": list(map(str, files)), "batch": slice_size},
                ),
                "documented": (
                    "epoch:Documented",
                    "paddle",
                    {**model, **seen, "slice_size": slice_size},
                ),
            },
        )
        measured = {"ours": sides["ours"].run, "features": sides["features"].run}
        if "documented" in sides:
            documented = sides["documented"].run
            measured["images"] = lambda: documented(piece="images")
            measured["rest"] = lambda: documented(piece="rest")
        taken = bench.compare("epoch", measured, rounds)
        total = sides["ours"].info["steps"]
    ours = taken["ours"].scaled(total / steps)
    features = taken["features"].scaled(images / photographs)
    note = (
        f"{total} steps of batch {batch}; extrapolated: ours from {steps} steps, the features "
        f"from {photographs} images"
    )
    others = {}
    if "images" in taken:
        pictures = taken["images"].scaled(total * batch / slice_size)
        others["documented"] = pictures.added(taken["rest"].scaled(total))
        note += (
            f", the documented code from {slice_size} of a step's images and one step's text, "
            "loss and Adam"
        )
    return Result(
        f"{TITLE}: {image_model}, {images:,} images, {5 * images:,} captions",
        rows=[
            *compared("epoch, features stored", ours, others, note=note),
            *compared("first epoch, features included", ours.added(features), others, note=note),
        ],
        figures=[Figure("our features of all images", features.median, "s")],
    )
