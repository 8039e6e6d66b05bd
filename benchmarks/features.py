"""Features of photographs under a frozen backbone, from files."""

from contextlib import ExitStack

import numpy as np

from benchmarks.results import Figure, Result, compared
from benchmarks.synthetic import draw_photographs
from vsepp.system.threads import computes_in_bfloat16

TITLE = "features of photographs"
_BFLOAT16 = "ours in bfloat16"
SMOKE = dict(images=4, image_model="shufflenet_v2_x0_25", resize=36, image_size=32, batch=2)


class Ours:
    """What ``tools/features.py`` and training over features do."""

    def __init__(self, paths, image_model, resize, image_size, batch, precision="float32"):
        import paddle

        from vsepp.config import Config
        from vsepp.data.images import open_image
        from vsepp.data.transforms import CenterCrop
        from vsepp.models.feature_extraction import FrozenBackbone

        self.backbone = FrozenBackbone(
            Config(
                image_model=image_model,
                pretrained=False,
                finetuned=False,
                resize=resize,
                image_size=image_size,
                backbone_precision=precision,
            )
        )
        self.paths = paths
        crop = CenterCrop(resize, image_size)
        images = np.stack([crop(open_image(path)) for path in paths[:2]])
        with paddle.no_grad():
            eager = self.backbone.network(paddle.to_tensor(images)).numpy()
        ours = next(iter(self.backbone.features(paths[:2])))
        lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(eager, axis=1)
        self.info = {"cosine": float(((ours * eager).sum(1) / lengths).min())}

    def run(self):
        for _ in self.backbone.features(self.paths):
            pass


class Eager:
    """Paddle as the documented code runs it."""

    def __init__(self, paths, image_model, resize, image_size, batch):
        import paddle

        from benchmarks.documented_images import transform
        from vsepp.models.backbones import build_backbone

        self.network = build_backbone(image_model)
        self.network.eval()
        self.transform = transform(False, resize, image_size)
        self.paths, self.batch, self.paddle = paths, batch, paddle

    def run(self):
        from PIL import Image

        for start in range(0, len(self.paths), self.batch):
            images = [
                self.transform(Image.open(path).convert("RGB"))
                for path in self.paths[start : start + self.batch]
            ]
            with self.paddle.no_grad():
                self.network(self.paddle.stack(images)).numpy()


def measure(
    bench, images=32, image_model="resnet50", resize=256, image_size=224, batch=16, rounds=4
):
    """Our features against eager Paddle's and eager PyTorch's."""
    paths = list(map(str, draw_photographs(bench.folder / "photographs", images)))
    settings = dict(
        paths=paths, image_model=image_model, resize=resize, image_size=image_size, batch=batch
    )
    result = Result(
        f"{TITLE}: {image_model} at {image_size} pixels, {images} files, random weights"
    )
    sides = {
        "ours": ("features:Ours", "paddle", settings),
        "eager Paddle": ("features:Eager", "paddle", settings),
        "eager Paddle, one thread": ("features:Eager", "plain", settings),
    }
    if computes_in_bfloat16():
        sides[_BFLOAT16] = ("features:Ours", "paddle", {**settings, "precision": "bfloat16"})
    if image_model == "resnet50" and not bench.ours_alone:
        pixels = _decoded(paths, resize, image_size, bench.folder / "pixels.npy")
        sides["eager PyTorch"] = ("pytorch:Features", "torch", {"pixels": pixels, "batch": batch})
        result.notes.append("PyTorch is given decoded images, the others files")
    if not bench.ours_alone:
        result.notes.append("one thread is what Paddle allows a program that sets no variables")
    with ExitStack() as stack:
        opened, lacking = bench.open_all(stack, sides)
        result.notes += lacking
        taken = bench.compare("features", {name: side.run for name, side in opened.items()}, rounds)
        ours = [name for name in ("ours", _BFLOAT16) if name in taken]
        result.figures += [
            Figure(
                f"lowest cosine of {name} with eager Paddle's features",
                opened[name].info["cosine"],
                "",
            )
            for name in ours
        ]
    own = {name: taken.pop(name) for name in ours}
    for name, sample in own.items():
        what = "features" if name == "ours" else f"features, {name}"
        result.rows += compared(what, sample, taken, amount=images, unit="images")
    return result


def _decoded(paths, resize, image_size, destination):
    """The name of a ``.npy`` file of the photographs' crops, uint8."""
    from vsepp.data.images import open_image
    from vsepp.data.transforms import CenterCrop

    crop = CenterCrop(resize, image_size)
    np.save(destination, np.stack([crop.pixels(open_image(path)) for path in paths]))
    return str(destination)
