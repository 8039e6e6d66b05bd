"""What is shown of a training beside its log: VisualDL, curves, pictures, the final table."""

from dataclasses import replace

import numpy as np

from vsepp.metrics.top_k import scores_of_text, top_k
from vsepp.report.caption_tables import caption_table
from vsepp.report.curves import draw_curves
from vsepp.report.pictures import draw_queries
from vsepp.report.tables import metrics_table

QUERIES = 4
ANSWERS = 5
SHOWN_DIRECTIONS = 50
_SHOWN_IMAGE = 7  # of a validation split, whose caption is printed
SHOWN_IMAGES = 100  # of the joint space; each with one caption


class TrainingListener:
    """VisualDL's scalars and ``curves.png`` in the run's folder, of any task.

    A ``vsepp.training.task.Listener``: the loop calls it.
    """

    def started(self, folder):
        """Open VisualDL's file in the run's folder."""
        from visualdl import LogWriter

        self.folder = folder
        self.writer = LogWriter(logdir=str(folder.path))

    def scalars(self, values, step):
        """``{tag: number}`` into VisualDL."""
        for tag, value in values.items():
            self.writer.add_scalar(tag, value, step)

    def validated(self, scored, step):
        """Nothing beyond the scalars."""

    def tested(self, scored, checkpoint):
        """The scores in the log, as the task says them."""
        self.folder.log(scored.line)

    def ended(self, history):
        """Draw the curves, flush VisualDL's file."""
        if history is not None:
            draw_curves(history, self.folder.path / "curves.png")
        self.writer.close()


class RetrievalListener(TrainingListener):
    """Besides, answers to a few queries, the joint space, and the table of all scores.

    ``scored.shown`` is a ``vsepp.training.retrieval.EncodedSplit``.
    """

    def validated(self, scored, step):
        """A picture of a few queries into VisualDL."""
        shown = scored.shown
        picture = show_queries(shown.dataset, shown.images, shown.texts, shown.result.measure)
        self.writer.add_image("val/queries", np.array(picture), step)

    def tested(self, scored, checkpoint):
        """The joint space into VisualDL, the table into the log."""
        shown = scored.shown
        show_space(self.writer, shown.dataset, shown.images, shown.texts)
        self.folder.log(metrics_table(replace(shown.result, checkpoints=(str(checkpoint),))))


class CaptionListener(TrainingListener):
    """Besides, a made and a real caption of one image at each validation.

    ``scored.shown`` is a ``vsepp.captioning.scoring.CaptionedSplit``.
    """

    _real = None

    def validated(self, scored, step):
        """The captions into the log and into VisualDL."""
        dataset, sentences = scored.shown.dataset, scored.shown.sentences
        image_id = _SHOWN_IMAGE % len(sentences)
        if self._real is None:
            self._real = dataset.sentences()[image_id * dataset.captions_per_image]
        lines = [
            dataset.image_name(image_id),
            f"  made: {sentences[image_id][0].sentence}",
            f"  real: {self._real}",
        ]
        for line in lines:
            self.folder.log(line)
        self.writer.add_text("val/caption", "\n".join(lines), step)

    def tested(self, scored, checkpoint):
        """The table into the log."""
        self.folder.log(caption_table(replace(scored.shown.result, checkpoint=str(checkpoint))))


def show_queries(dataset, images, texts, measure):
    """A picture of a few captions of the split, the same each time, with the images they find.

    Args:
        dataset: ``CaptionDataset``.
        images, texts: its codes.

    Returns:
        PIL.Image.Image
    """
    rows = []
    for query in np.linspace(0, len(texts) - 1, min(QUERIES, len(texts))).astype(int):
        scores = scores_of_text(images, texts[query], measure)
        found = top_k(scores, ANSWERS)
        rows.append(
            (
                dataset.decode(dataset.captions[query]),
                [dataset.image_path(image_id) for image_id in found],
                scores[found],
                [image_id == dataset.image_id(query) for image_id in found],
            )
        )
    return draw_queries(rows)


def show_space(writer, dataset, images, texts):
    """Put images and captions of a split into VisualDL's embedding projector.

    Its own PCA goes wrong where a point has more numbers than there are points, so it is given
    the directions in which they differ most.

    Args:
        writer: VisualDL's ``LogWriter``.
        dataset: ``CaptionDataset``.
        images, texts: its codes.
    """
    from sklearn.decomposition import PCA

    shown = range(min(SHOWN_IMAGES, len(images)))
    captions = [image_id * dataset.captions_per_image for image_id in shown]
    codes = np.concatenate([images[list(shown)], texts[captions]])
    codes = PCA(min(SHOWN_DIRECTIONS, *codes.shape), svd_solver="full").fit_transform(codes)
    sentences = [dataset.decode(dataset.captions[index]) for index in captions]
    sentences = [f"{image_id}: {sentence}" for image_id, sentence in zip(shown, sentences)]
    columns = {"text": 2 * sentences, "kind": ["image"] * len(shown) + ["sentence"] * len(shown)}
    writer.add_embeddings(
        "joint_space", [row.tolist() for row in codes], list(columns.values()), list(columns)
    )
