"""A captioner's training step: forward, loss, backward, clipping, Adam."""

import itertools

import numpy as np

from benchmarks import encoder_data
from benchmarks.encoder_step import save_gradients

START, END, FIRST_WORD = 1, 2, 3
CAPTIONS = 5  # of an image
SMOOTHING, PENALTY = 0.1, 1.0
RATE, CLIP = 2e-4, 2.0


def make_batches(count, captions, sizes):
    """What a step takes: (float32 ``[images, cells, feature_size]``, int64 ``[captions, time]``,
    int64 ``[captions]``, int64 ``[captions]``: each caption's image)."""
    result = []
    for number in range(count):
        generator = np.random.default_rng([number, 2])
        words = sizes["mean"], sizes["longest"]
        chosen = [
            [START, *generator.integers(FIRST_WORD, sizes["vocabulary"], length), END]
            for length in encoder_data.lengths_of(captions, *words, generator)
        ]
        images = np.arange(captions) // CAPTIONS
        grids = encoder_data.grids(images[-1] + 1, sizes["cells"], sizes["feature_size"], number)
        result.append((grids.astype(np.float32), *encoder_data.padded(chosen), images))
    return result


def our_network(kind, sizes):
    """The captioner of ours with the weights that :mod:`encoder_data` draws."""
    import paddle

    from vsepp.models.captioner import Captioner
    from vsepp.models.decoders import find_caption_decoder
    from vsepp.models.image_encoders.grid_cells import FeatureCells

    own = dict(attention_size=sizes["size"]) if kind == "attention" else {}
    size, decoder_size = sizes["size"], sizes["decoder_size"]
    decoder = find_caption_decoder(kind)(sizes["vocabulary"], size, size, decoder_size, **own)
    network = Captioner(FeatureCells(sizes["feature_size"], size, decoder.rectified), decoder)
    for name, value in network.named_parameters():
        value.set_value(paddle.to_tensor(encoder_data.parameter(name, tuple(value.shape))))
    return network


class Ours:
    """The training loop's own step.

    Args:
        kind: ``attention`` or ``addnorm``.
        batches: steps to a repetition, each on a batch of its own.
        captions: of a batch.
        sizes: ``vocabulary``, ``cells``, ``feature_size``, ``size`` of words and of cells,
            ``decoder_size``, and ``mean`` and ``longest`` of captions.
    """

    def __init__(self, kind, batches, captions, sizes):
        import paddle

        from vsepp.config import Config
        from vsepp.models.caption_decoders.word_decoder import targets_of
        from vsepp.system.memory import keep_freed
        from vsepp.training.optimizer import get_optimizer
        from vsepp.training.step import TrainingStep

        paddle.seed(0)
        self.network = our_network(kind, sizes)
        config = Config(learning_rate=RATE, grad_clip=CLIP)
        keep_freed()  # as training on stored features does
        self.step = TrainingStep(config, self._objective(), get_optimizer(self.network, config))
        self.step.begin_epoch()
        self.batches = [
            tuple(map(paddle.to_tensor, (*arrays, targets_of(*arrays[1:3]))))
            for arrays in make_batches(batches, captions, sizes)
        ]
        self.numbers = itertools.count()

    def _objective(self):
        from vsepp.models.caption_loss import caption_loss
        from vsepp.training.task import Objective

        side = self

        class Alone(Objective):
            model = side.network

            def encode_images(self, images):
                return side.cells_of(images)

            def encode_texts(self, batch, cells):
                return side.decode(cells, *batch[1:4])

            def loss(self, cells, decoded, batch):
                logits, attention = decoded
                targets, lengths = batch[4], batch[2]
                return caption_loss(logits, targets, attention, lengths, SMOOTHING, PENALTY)

        return Alone()

    def cells_of(self, images):
        return self.network.image_extractor(images)

    def decode(self, *inputs):
        return self.network.decoder(*inputs)

    def run(self, save=None):
        """All batches once; with ``save``, a file for the first one's loss and gradients
        instead."""
        if save:
            return self._save(save)
        for batch in self.batches:
            loss = self.step(batch, next(self.numbers))
        return float(loss)

    def _save(self, path):
        objective, batch = self.step.objective, self.batches[0]
        cells = objective.encode_images(batch[0])
        loss = objective.loss(cells, objective.encode_texts(batch, cells), batch)
        save_gradients(path, self.network, loss)
        self.step.optimizer.clear_grad()


class Plain(Ours):
    """The same without the fast twins: the layers as they are written."""

    def cells_of(self, images):
        return self.network.image_extractor.codes_of_features(images)

    def decode(self, *inputs):
        return self.network.decoder.forward(*inputs)
