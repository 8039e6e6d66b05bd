"""Fine-tuning in slices: the whole batch's gradient in a part of its memory."""

import numpy as np

from benchmarks import synthetic
from benchmarks.results import TIME, Figure, Result, Row
from benchmarks.timing import Sample

TITLE = "fine-tuning with micro_batch_size"
SMOKE = dict(
    batch=4,
    micro=2,
    images=4,
    photographs=4,
    image_model="shufflenet_v2_x0_25",
    resize=36,
    image_size=32,
    embed_size=6,
    word_dim=5,
)


class Ours:
    """One step of the training loop, its gradients kept.

    Args:
        micro: ``micro_batch_size``; None for the whole batch at once.
    """

    def __init__(self, folder, micro, batch, image_model, resize, image_size, embed_size, word_dim):
        from vsepp.config import Config
        from vsepp.training.loop import Trainer
        from vsepp.training.retrieval import RetrievalTask

        parent, _, name = folder.rpartition("/")
        chosen = {} if micro is None else {"micro_batch_size": micro}
        self.trainer = Trainer(
            Config(
                dataset=name,
                data_dir=parent,
                image_model=image_model,
                pretrained=False,
                finetuned=True,
                resize=resize,
                image_size=image_size,
                embed_size=embed_size,
                word_dim=word_dim,
                batch_size=batch,
                workers=0,
                device="cpu",
                run_dir=f"{folder}/runs",
                best_checkpoint=f"{folder}/{micro}_best.ckpt",
                last_checkpoint=f"{folder}/{micro}_last.ckpt",
                **chosen,
            ),
            RetrievalTask,
        )
        self.trainer.task.model.eval()  # batch statistics of slices are not those of the batch
        self.gradients = {}
        self.trainer.optimizer.step = self._keep
        self.batch = next(iter(self.trainer.task.batches(0, skip=0)))

    def _keep(self):
        """In place of Adam's step, which both ways share."""
        self.gradients = {
            name: parameter.grad
            for name, parameter in self.trainer.task.model.named_parameters()
            if parameter.grad is not None
        }

    def run(self, save=None):
        """One step; with ``save``, only writes the last one's gradients to that file."""
        if save is None:
            self.trainer.optimizer.clear_grad()
            self.trainer.optimizer.clear_grad = lambda *_, **__: None
            return float(self.trainer.step(self.batch, 0))
        np.savez(save, **{name: value.numpy() for name, value in self.gradients.items()})


def difference(one, other):
    """The largest relative difference between two files' gradients, parameter by parameter."""
    with np.load(one, allow_pickle=False) as ours, np.load(other, allow_pickle=False) as theirs:
        if set(ours.files) != set(theirs.files):
            raise RuntimeError("the two ways give gradients of different parameters")
        return max(
            float(
                np.linalg.norm(ours[name] - theirs[name]) / max(np.linalg.norm(theirs[name]), 1e-12)
            )
            for name in ours.files
        )


def measure(
    bench,
    batch=64,
    micro=16,
    images=64,
    photographs=64,
    image_model="resnet18",
    resize=256,
    image_size=224,
    embed_size=1024,
    word_dim=300,
):
    """Gradient, peak memory and time of a step in slices against the whole batch's."""
    folder = bench.folder / "micro"
    files = synthetic.draw_photographs(folder / "images", photographs)
    synthetic.prepare_split(folder, images, 100, files, ("train", "val", "test"))
    settings = dict(
        folder=folder.as_posix(),
        batch=batch,
        image_model=image_model,
        resize=resize,
        image_size=image_size,
        embed_size=embed_size,
        word_dim=word_dim,
    )
    seconds, peaks, saved = {}, {}, {}
    for way in (micro, None):
        with bench.open("micro_batch:Ours", **settings, micro=way) as side:
            peaks[way] = side.peak()
            seconds[way] = Sample((side.answer["seconds"],))
            saved[way] = str(folder / f"{way}.npz")
            side.run(save=saved[way])
    result = Result(
        f"{TITLE}: {micro} of batch {batch}, {image_model}, batch-norm in evaluation mode"
    )
    result.rows.append(
        Row(
            "step in slices",
            seconds[micro],
            "whole batch",
            seconds[None],
            TIME,
            note="one repetition, each in a fresh process",
        )
    )
    result.figures = [
        Figure(
            "largest relative difference of a gradient", difference(saved[micro], saved[None]), ""
        ),
        Figure("peak memory of a step in slices", peaks[micro] / 1e6, "MB"),
        Figure("peak memory of the whole batch", peaks[None] / 1e6, "MB"),
        Figure("share of the memory", 100 * peaks[micro] / max(peaks[None], 1), "%"),
    ]
    return result
