"""Images per second into the training loop, from files."""

from contextlib import ExitStack

from benchmarks import synthetic
from benchmarks.results import Result, compared

TITLE = "images into the training loop"
_DECODED = "decoded once"
SMOKE = dict(images=6, photographs=3, batch=4, resize=36, image_size=32)


class Ours:
    """An epoch of the loader that training with a backbone reads from, ready for the network."""

    def __init__(self, folder, batch, resize, image_size, threads, store=False):
        from vsepp.config import Config
        from vsepp.data.loaders import training_loader
        from vsepp.training.data import open_splits, worker_count

        parent, _, name = folder.rpartition("/")
        config = Config(
            dataset=name,
            data_dir=parent,
            image_model="resnet50",
            pretrained=False,
            resize=resize,
            image_size=image_size,
            image_store=store,
        )
        dataset = open_splits(config, ("train",)).splits["train"]
        workers = worker_count(config)
        self.loader = training_loader(dataset, batch, config.seed, workers)
        self.info = {"workers": workers}

    def run(self):
        from vsepp.models.twins.pixels import normalized

        for images, *_ in self.loader:
            normalized(images)  # the image extractor's part, where a batch lies on a CPU


class Documented:
    """An epoch of a ``paddle.io.DataLoader`` over Paddle's transforms."""

    def __init__(self, folder, batch, resize, image_size, workers):
        from benchmarks.documented_images import loader

        self.loader = loader(folder, batch, workers, resize=resize, image_size=image_size)

    def run(self):
        for _ in self.loader:
            pass


def measure(bench, images=128, photographs=100, batch=128, resize=256, image_size=224, rounds=5):
    """Our loader against the documented one, without and with worker processes."""
    folder = bench.folder / "pictures"
    files = synthetic.draw_photographs(folder / "images", photographs)
    synthetic.prepare_split(folder, images, 100, files)
    sizes = dict(folder=folder.as_posix(), batch=batch, resize=resize, image_size=image_size)
    result = Result(f"{TITLE}: random crops of {image_size} pixels out of {resize}, batch {batch}")
    with ExitStack() as stack:
        sides, _ = bench.open_all(
            stack,
            {
                "ours": ("images:Ours", "paddle", {**sizes, "threads": bench.threads}),
                _DECODED: (
                    "images:Ours",
                    "paddle",
                    {**sizes, "threads": bench.threads, "store": True},
                ),
                "documented, in the loop": ("images:Documented", "paddle", {**sizes, "workers": 0}),
                f"documented, {bench.threads} workers": (
                    "images:Documented",
                    "paddle",
                    {**sizes, "workers": bench.threads},
                ),
            },
        )
        workers = sides["ours"].info["workers"]
        taken = bench.compare("images", {name: side.run for name, side in sides.items()}, rounds)
    count = 5 * images // batch * batch
    ours = {"images": taken.pop("ours"), f"images, {_DECODED}": taken.pop(_DECODED)}
    for what, sample in ours.items():
        result.rows += compared(what, sample, taken, amount=count, unit="images")
    result.notes.append(f"our loader uses {workers} worker processes, as training does by itself")
    return result
