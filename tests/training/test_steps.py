"""Two steps of every encoder, loss and recipe give the figures they always gave.

The figures were computed once, and hold under every version of Paddle and NumPy: weights and
batches are NumPy's, and what a step leaves out is drawn alike.
"""

import dataclasses
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from tiny import word_list

pytest.importorskip("tokenizers")

from vsepp import Config
from vsepp.convert.clip import convert_clip
from vsepp.models.encoders import encoders_for_training
from vsepp.models.state import get_state, set_state
from vsepp.training.optimizer import get_optimizer
from vsepp.training.retrieval import RetrievalObjective
from vsepp.training.step import TrainingStep

TOWERS = Path(__file__).parents[1] / "golden" / "towers"
BERT = dict(text_model="bert", text_weights=str(TOWERS / "tiny_bert"))
GRID = dict(image_features="grid", image_pooling="gpo")
LEFT_OUT = dict(word_dropout=0.2, embedding_dropout=0.2, output_dropout=0.2, feature_dropout=0.2)
LENGTHS = [9, 4, 6, 4, 7, 5, 5, 3]
FEATURES, CELLS = 20, 9

#: what is changed → the losses of two steps, and the norm of the first one's gradients
FIGURES = [
    (dict(), [5.444407, 5.048439, 7.646182]),
    (dict(num_layers=2, text_pooling="mean"), [5.033027, 4.562755, 9.842691]),
    (dict(text_pooling="max"), [5.025858, 4.714024, 6.546147]),
    (dict(text_pooling="gpo"), [5.456091, 4.871245, 9.573889]),
    (dict(text_model="bigru"), [6.314768, 5.687808, 9.710118]),
    (dict(text_model="bigru", text_pooling="mean"), [7.293798, 6.728514, 9.661727]),
    (dict(text_model="bigru", text_pooling="max"), [6.633542, 6.092586, 8.810118]),
    (dict(text_model="bigru", text_pooling="gpo"), [6.352179, 5.769791, 11.42668]),
    (dict(text_pooling="first", **BERT), [4.649502, 4.43064, 8.587601]),
    (dict(text_pooling="mean", **BERT), [4.71789, 4.312596, 14.4496]),
    (dict(text_pooling="gpo", **BERT), [4.611404, 4.328244, 11.3136]),
    (dict(text_frozen=True, projection="residual", **BERT), [4.204277, 4.027184, 6.397486]),
    (dict(text_model="clip"), [4.970069, 4.478909, 15.78919]),
    (dict(text_model="chinese_clip"), [5.27886, 4.721021, 13.10101]),
    (dict(image_mlp=True, normalize_features=True), [5.415998, 5.034842, 6.220581]),
    (dict(projection="residual"), [5.216776, 4.289967, 8.161706]),
    (dict(image_features="grid"), [4.525404, 4.162804, 6.04066]),
    (dict(image_features="grid", image_pooling="max"), [4.143606, 3.851178, 5.359404]),
    (dict(image_mlp=True, **GRID), [5.747994, 4.508647, 11.96591]),
    (dict(measure="order", use_abs=True), [4.812504, 4.500545, 7.18806]),
    (dict(hard_negative=False, mask_same_image=True), [22.82557, 21.6176, 19.14762]),
    (dict(loss="npair", mask_same_image=True), [2.863097, 2.623645, 4.37968]),
    (dict(loss="both", npair_weight=0.5), [1.802356, 1.656773, 2.637185]),
    (dict(loss="soft"), [3.505161, 3.131545, 6.59366]),
    (dict(optimizer="adamw", weight_decay=0.1), [5.444407, 5.048464, 7.646182]),
    (dict(schedule="cosine", warmup_steps=2, optimizer="adamw"), [5.444407, 5.229336, 7.646182]),
    (dict(pretrained_lr=0.5, **BERT), [4.649502, 4.381863, 8.587601]),
    (dict(**LEFT_OUT), [5.279628, 7.514227, 9.582275]),
    (dict(cell_dropout=0.3, text_pooling="gpo", **GRID, **LEFT_OUT), [5.41644, 6.882048, 32.23116]),
    (dict(word_dropout=0.2, output_dropout=0.2, **BERT), [4.793575, 5.312934, 7.775584]),
]


def drawn(name, *shape):
    """Normal numbers that follow from a name."""
    return np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)


def weights(state, pretrained):
    """A network's own weights, but for those of others, drawn by their names."""
    result = {}
    for name, value in state.items():
        if name.startswith(pretrained) or name == "logit_scale":
            result[name] = value
        else:
            values = drawn(name, *value.shape) / np.sqrt(value.shape[-1] + 1)
            if value.ndim == 1 and name.endswith("weight"):
                values += 1
            result[name] = values.astype(np.float32)
    return result


def batch(config, reader):
    """Features, captions, lengths and image ids of eight pairs; two are of one image."""
    cells = (CELLS,) if config.image_features == "grid" else ()
    images = np.abs(drawn("images", len(LENGTHS), *cells, FEATURES)).astype(np.float32)
    captions = np.zeros((len(LENGTHS), max(LENGTHS)), np.int64)
    ranks = np.abs(drawn("captions", *captions.shape) * 10).astype(np.int64)
    for row, length in enumerate(LENGTHS):
        captions[row, :length] = 6 + ranks[row, :length] % 30
        captions[row, 0] = getattr(reader, "start", 1)
        captions[row, length - 1] = getattr(reader, "end", 2)
    ids = np.array([0, 1, 2, 3, 4, 5, 5, 7])
    return tuple(map(paddle.to_tensor, (images, captions, np.array(LENGTHS), ids)))


def figures(changes):
    """The losses of two steps, and the norm of the first one's gradients."""
    values = dict(embed_size=24, word_dim=12, learning_rate=0.002, num_epochs=4, finetuned=False)
    config = dataclasses.replace(Config(), **{**values, **changes})
    words = word_list(40)
    data = SimpleNamespace(vocabulary=words.vocabulary, tokenizer=words.tokenizer)
    objective = RetrievalObjective(config, *encoders_for_training(config, data, FEATURES))
    text = config.text_model
    pretrained = {"bert": "text_extractor.bert.", "gru": "-", "bigru": "-"}.get(text)
    state = weights(get_state(objective.model), pretrained or "text_extractor.")
    set_state(objective.model, state, "the test")
    step = TrainingStep(config, objective, get_optimizer(objective.model, config, 3))
    step.begin_epoch()
    norms = []

    def mark(section):
        if section == "gradients":
            parameters = [each for each in objective.model.parameters() if each.grad is not None]
            norms.append(sum(float((each.grad**2).sum()) for each in parameters) ** 0.5)

    pairs = batch(config, objective.text.reader)
    losses = [step(pairs, number, mark).item() for number in range(2)]
    return [*losses, norms[0]]


@pytest.fixture(scope="module")
def towers(tmp_path_factory):
    """``{name: checkpoint}`` of two CLIPs."""
    folder = tmp_path_factory.mktemp("towers")
    for name in ("clip", "chinese_clip"):
        convert_clip(TOWERS / f"tiny_{name}", None, folder / name)
    return {name: str(folder / name) for name in ("clip", "chinese_clip")}


@pytest.mark.parametrize("changes, expected", FIGURES, ids=[str(each) for each, _ in FIGURES])
def test_two_steps_give_the_figures_they_gave(changes, expected, towers):
    changes = dict(changes)
    if changes.get("text_model") in towers:
        changes["text_weights"] = towers[changes["text_model"]]

    np.testing.assert_allclose(figures(changes), expected, rtol=1e-6)
