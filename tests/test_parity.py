"""The authors' published PyTorch code and this package give the same numbers.

The golden files hold, for the authors' four methods, one batch, the initial weights, the
embeddings, scores, loss and gradients, and eight steps of Adam at 0.002 with the gradients
clipped to the global norm 2. Image features enter through one linear layer.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

from vsepp import VSEPP, TripletNetLoss, calc_recall, compute_ranks, get_optimizer
from vsepp.metrics.scores import mean_rank, median_rank
from vsepp.models.losses import similarity

GOLDEN = Path(__file__).parent / "golden"
METHODS = {
    "vse0": dict(measure="cosine", hard_negative=False, normalize_images=False),
    "vsepp": dict(measure="cosine", hard_negative=True, normalize_images=True),
    "order0": dict(measure="order", hard_negative=False, normalize_images=True, use_abs=True),
    "orderpp": dict(measure="order", hard_negative=True, normalize_images=True),
}


# The image bias of VSE0 has no gradient while every hinge is active: what both codes compute
# is rounding noise, which Adam then turns into steps of full size.
NOISE = ("vse0", "fc.bias")


def relative(found, expected):
    """Largest difference in units of the largest expected value."""
    return np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-12)


class Case:
    """One method on one golden file: the model with the golden initial weights."""

    def __init__(self, name, method):
        self.golden = np.load(GOLDEN / f"authors_{name}.npz")
        self.method = method
        options = METHODS[method]
        embedding = self["init/txt/embed.weight"]
        state = self["init/txt/rnn.weight_hh_l0"]
        layers = sum(key.startswith(f"{method}/init/txt/rnn.weight_hh") for key in self.golden)
        self.model = VSEPP(
            len(embedding),
            embedding.shape[1],
            state.shape[1],
            layers,
            "resnet18",
            finetuned=False,
            feature_size=self["init/img/fc.weight"].shape[1],
            measure=options["measure"],
            normalize_images=options["normalize_images"],
            use_abs=options.get("use_abs", False),
        )
        for parameter, value in self.parameters("init", noise=True):
            parameter.set_value(value)
        # The golden margin of Order0 is the authors' 0.05.
        self.loss = TripletNetLoss(
            0.05 if method == "order0" else 0.2, options["hard_negative"], options["measure"]
        )
        self.batch = [
            paddle.to_tensor(self.golden[key]) for key in ("features", "captions", "lengths")
        ]

    def __getitem__(self, key):
        return self.golden[f"{self.method}/{key}"]

    def parameters(self, kind, noise=False):
        """(our parameter, the authors' value in our layout) for each of theirs.

        Without ``noise``, those whose golden values are rounding noise are left out.
        """
        text, image = self.model.text_extractor, self.model.image_extractor
        for key in self.golden:
            parts = key.split("/")
            if parts[:2] != [self.method, kind]:
                continue
            value = self.golden[key]
            if (self.method, parts[-1]) == NOISE and not noise:
                continue
            if parts[2:] == ["txt", "embed.weight"]:
                yield text.embedding.weight, value
            elif parts[2] == "txt":
                yield getattr(text.gru, parts[3].split(".")[1]), value
            elif parts[3] == "fc.weight":
                yield image.fc.weight, value.T
            else:
                yield image.fc.bias, value


@pytest.fixture(
    params=[(name, method) for name in ("small", "2layer") for method in METHODS],
    ids=lambda pair: "-".join(pair),
)
def case(request):
    return Case(*request.param)


def test_embeddings_scores_and_loss(case):
    images, texts = case.model(*case.batch)
    assert np.abs(images.numpy() - case["image_emb"]).max() <= 1e-5
    assert np.abs(texts.numpy() - case["text_emb"]).max() <= 1e-5
    scores = similarity(images, texts, case.model.measure)
    assert np.abs(scores.numpy() - case["scores"]).max() <= 1e-5
    loss = case.loss(images, texts)
    assert abs(float(loss) - case["loss"]) <= 1e-5 * case["loss"]


def test_every_gradient(case):
    case.loss(*case.model(*case.batch)).backward()
    for parameter, expected in case.parameters("grad"):
        assert relative(parameter.grad.numpy(), expected) <= 1e-4, parameter.name


def test_eight_steps_of_training(case):
    optimizer = get_optimizer(case.model, SimpleNamespace(learning_rate=0.002, grad_clip=2.0))
    trace = []
    for _ in range(8):
        loss = case.loss(*case.model(*case.batch))
        trace.append(float(loss))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    images, texts = case.model(*case.batch)
    trace.append(float(case.loss(images, texts)))
    assert relative(np.array(trace), case["trace"]) <= 1e-4
    for parameter, expected in case.parameters("final"):
        # By length: where a gradient is almost 0, Adam makes steps of its rounding error.
        difference = np.linalg.norm(parameter.numpy() - expected)
        assert difference <= 1e-4 * np.linalg.norm(expected), parameter.name
    expected = case["final_image_emb"]
    if case.method == NOISE[0]:
        expected = expected - case["final/img/fc.bias"] + case.model.image_extractor.fc.bias.numpy()
    assert np.abs(images.numpy() - expected).max() <= 1e-4
    assert np.abs(texts.numpy() - case["final_text_emb"]).max() <= 1e-4


def test_ranks_and_metrics():
    golden = np.load(GOLDEN / "authors_small.npz")
    images, texts = golden["eval/images"], golden["eval/texts"]
    i2t, t2i = compute_ranks(images, texts, 5)
    np.testing.assert_array_equal(i2t, golden["eval/i2t_ranks"])
    np.testing.assert_array_equal(t2i, golden["eval/t2i_ranks"])
    found = calc_recall(images, texts, 5)
    for ranks, expected, recalls in (
        (i2t, golden["eval/i2t"], found[0::2]),
        (t2i, golden["eval/t2i"], found[1::2]),
    ):
        # the authors print R@1, R@5, R@10, Med r by their rule, Mean r
        np.testing.assert_allclose(
            [*recalls, median_rank(ranks, authors=True), mean_rank(ranks)], expected, rtol=1e-12
        )
