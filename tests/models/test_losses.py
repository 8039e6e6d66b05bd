"""The losses are what plain loops over the batch add up to."""

import math
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from tiny import word_list

from vsepp import InputError, TripletNetLoss, get_optimizer, load_config
from vsepp.models.encoders import encoders_for_training
from vsepp.models.losses import BothLosses, NPairLoss, SoftTargetLoss, build_loss, equal_rows
from vsepp.models.vsepp import build_model


def codes(batch, size=6, seed=0, positive=False):
    rows = np.random.default_rng(seed).standard_normal((batch, size))
    rows = np.abs(rows) if positive else rows
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def score(image, text, measure):
    if measure == "cosine":
        return float(image.astype(np.float64) @ text)
    return -math.sqrt(sum(max(0.0, float(t) - float(i)) ** 2 for i, t in zip(image, text)))


def slow_loss(
    images, texts, margin, hard_negative, measure="cosine", image_ids=None, captions=None
):
    """Equations 5 and 6, one pair at a time."""
    batch = len(images)
    image_ids = range(batch) if image_ids is None else image_ids
    captions = range(batch) if captions is None else captions
    total = 0.0
    for query in range(batch):
        to_text, to_image = [0.0], [0.0]
        right = score(images[query], texts[query], measure)
        for other in range(batch):
            if image_ids[other] == image_ids[query] or captions[other] == captions[query]:
                continue
            to_text.append(max(0.0, margin - right + score(images[query], texts[other], measure)))
            to_image.append(max(0.0, margin - right + score(images[other], texts[query], measure)))
        gather = max if hard_negative else sum
        total += gather(to_text) + gather(to_image)
    return total


def tensor(rows):
    return paddle.to_tensor(rows, stop_gradient=False)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("hard_negative", [False, True])
@pytest.mark.parametrize("margin", [0.0, 0.05, 0.2, 3.0])
@pytest.mark.parametrize("batch", [1, 2, 9])
def test_the_loss_equals_two_loops(batch, margin, hard_negative, measure):
    images, texts = codes(batch, seed=1), codes(batch, seed=2)

    found = TripletNetLoss(margin, hard_negative, measure)(tensor(images), tensor(texts))

    expected = slow_loss(images, texts, margin, hard_negative, measure)
    assert float(found) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert (expected > 0) == (batch > 1)


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("hard_negative", [False, True])
def test_captions_of_the_same_image_are_no_negatives_when_masked(hard_negative, measure):
    image_ids = [3, 8, 3, 5, 8, 3, 1]
    images = codes(9)[image_ids]
    texts = images + 0.1 * codes(7, seed=2)
    loss = TripletNetLoss(0.3, hard_negative, measure)

    found = float(loss(tensor(images), tensor(texts), paddle.to_tensor(image_ids)))

    assert found == pytest.approx(
        slow_loss(images, texts, 0.3, hard_negative, measure, image_ids), rel=1e-5
    )
    assert found < float(loss(tensor(images), tensor(texts)))


CAPTIONS = ["a dog", "a cat", "a dog", "a red dog", "a cat", "a dog", "a"]


def caption_ids():
    """Of `CAPTIONS`, from padded rows as a batch has them."""
    words = ["", "a", "dog", "cat", "red"]
    rows = [[words.index(word) for word in caption.split()] for caption in CAPTIONS]
    return equal_rows(paddle.to_tensor([row + [0] * (3 - len(row)) for row in rows]))


def test_equal_rows_of_a_batch_have_equal_numbers():
    assert caption_ids().numpy().tolist() == [0, 1, 0, 3, 1, 0, 6]


@pytest.mark.parametrize("image_ids", [None, [3, 8, 3, 5, 8, 2, 1]])
@pytest.mark.parametrize("hard_negative", [False, True])
def test_equal_captions_are_no_negatives_when_masked(hard_negative, image_ids):
    images, texts = codes(7, seed=5), codes(7, seed=6)
    loss = TripletNetLoss(0.3, hard_negative)
    ids = None if image_ids is None else paddle.to_tensor(image_ids)

    found = float(loss(tensor(images), tensor(texts), ids, caption_ids()))

    assert found == pytest.approx(
        slow_loss(images, texts, 0.3, hard_negative, "cosine", image_ids, CAPTIONS), rel=1e-5
    )
    assert found < float(loss(tensor(images), tensor(texts)))


@pytest.mark.parametrize("hard_negative", [False, True])
def test_both_directions_count(hard_negative):
    # Image 1 looks like text 0, so text 0 finds a wrong image; no image finds a wrong text.
    images = np.array([[1, 0, 0], [0.9, 0.1, 0]], np.float32)
    texts = np.array([[0.9, 0, 0], [0, 9, 0]], np.float32)
    loss = TripletNetLoss(0.2, hard_negative)

    forth = float(loss(tensor(images), tensor(texts)))
    back = float(loss(tensor(texts), tensor(images)))

    # scores [[0.9, 0], [0.81, 0.9]]: text 0 is 0.09 short of the margin, and so is image 1.
    assert forth == pytest.approx((0.2 - 0.9 + 0.81) * 2, abs=1e-6)
    assert back == pytest.approx(forth, abs=1e-6)


def test_the_loss_of_codes_all_alike_is_twice_batch_times_margin():
    same = np.repeat(codes(1), 8, axis=0)

    assert float(TripletNetLoss(0.2, True)(tensor(same), tensor(same))) == pytest.approx(3.2)
    assert float(TripletNetLoss(0.2, False)(tensor(same), tensor(same))) == pytest.approx(3.2 * 7)


@pytest.mark.parametrize("image_ids", [None, [4]])
def test_a_batch_of_one_has_nothing_to_learn_from(image_ids):
    image, text = tensor(codes(1, seed=1)), tensor(codes(1, seed=2))
    loss = TripletNetLoss(0.2, True)(image, text, image_ids and paddle.to_tensor(image_ids))

    loss.backward()

    assert float(loss) == 0
    assert not image.grad.numpy().any() and not text.grad.numpy().any()


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("hard_negative", [False, True])
def test_gradients_are_the_slopes_of_the_loss(hard_negative, measure):
    images, texts = codes(5, 4, seed=3).astype(np.float64), codes(5, 4, seed=4).astype(np.float64)
    leaves = tensor(images), tensor(texts)

    TripletNetLoss(0.2, hard_negative, measure)(*leaves).backward()

    for leaf, rows in zip(leaves, (images, texts)):
        for place in np.ndindex(rows.shape):
            kept, ends = rows[place], []
            for nudge in (1e-6, -1e-6):
                rows[place] = kept + nudge
                ends.append(slow_loss(images, texts, 0.2, hard_negative, measure))
            rows[place] = kept
            slope = (ends[0] - ends[1]) / 2e-6
            assert leaf.grad.numpy()[place] == pytest.approx(slope, abs=1e-5)


def test_of_tied_hardest_negatives_one_gets_the_gradient():
    images = tensor(np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0]], np.float32))
    texts = tensor(np.array([[1, 0, 0], [0.9, 0, 0.1], [0.9, 0, 0.1]], np.float32))

    # Image 0: texts 1 and 2 are equally hard. Texts 1 and 2: image 0 is their hardest.
    # Images 1 and 2: all texts score 0.
    loss = TripletNetLoss(0.2, True)(images, texts)
    loss.backward()

    grad = texts.grad.numpy()
    first_row = 0.2 - 1 + 0.9
    assert float(loss) == pytest.approx(first_row + 2 * 0.2 + 2 * (0.2 + 0.9), abs=1e-6)
    # d/dtext of image 0's hinge is image 0 on the tied text that was picked, and not on the
    # other; both also have +1 on axis 0 from their own hinge (image 0 as their hardest).
    assert sorted(grad[1:, 0].tolist()) == [1.0, 2.0]


def test_where_nothing_exceeds_the_order_measure_has_a_finite_gradient():
    images, texts = tensor(np.ones((3, 4), np.float32)), tensor(np.zeros((3, 4), np.float32))

    TripletNetLoss(0.2, False, "order")(images, texts).backward()

    assert np.isfinite(images.grad.numpy()).all() and np.isfinite(texts.grad.numpy()).all()


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("hard_negative", [False, True])
@pytest.mark.parametrize("side", [0, 1])
def test_the_loss_of_codes_that_are_no_numbers_is_none(side, hard_negative, measure):
    pair = [codes(4, seed=1), codes(4, seed=2)]
    pair[side][2] = np.nan

    loss = TripletNetLoss(0.2, hard_negative, measure)(*map(tensor, pair))

    assert np.isnan(float(loss))


def test_an_unknown_measure_is_refused_with_the_choices():
    with pytest.raises(InputError, match="one of cosine, order, not 'euclid'"):
        TripletNetLoss(measure="euclid")


class TestNPair:
    """Symmetric cross-entropy over the batch with a learned temperature."""

    @staticmethod
    def slow(images, texts, scale, *ids):
        """Every row's cross-entropy, one after the other."""
        total, batch = 0.0, len(images)
        for query, candidates in ((images, texts), (texts, images)):
            for row in range(batch):
                allowed = [
                    other
                    for other in range(batch)
                    if other == row or all(given[other] != given[row] for given in ids)
                ]
                logits = np.array(
                    [scale * query[row] @ candidates[other] for other in allowed], dtype=np.float64
                )
                right = logits[allowed.index(row)]
                total += np.log(np.exp(logits - right).sum()) / batch
        return total / 2

    @pytest.mark.parametrize("ids", [None, [0, 1, 1, 2, 0]])
    def test_it_equals_the_slow_form(self, ids):
        generator = np.random.default_rng(3)
        images, texts = (generator.standard_normal((5, 8)).astype(np.float32) for _ in range(2))
        loss = NPairLoss(paddle.to_tensor([np.log(3.0)], dtype="float32"))
        found = loss(
            paddle.to_tensor(images),
            paddle.to_tensor(texts),
            None if ids is None else paddle.to_tensor(ids),
        )
        given = [] if ids is None else [ids]
        assert float(found) == pytest.approx(self.slow(images, texts, 3.0, *given), rel=1e-5)

    @pytest.mark.parametrize("ids", [None, [3, 8, 3, 5, 8, 2, 1]])
    def test_equal_captions_are_no_negatives_when_masked(self, ids):
        images, texts = codes(7, seed=5), codes(7, seed=6)
        loss = NPairLoss(paddle.to_tensor([np.log(3.0)], dtype="float32"))
        found = loss(
            paddle.to_tensor(images),
            paddle.to_tensor(texts),
            None if ids is None else paddle.to_tensor(ids),
            caption_ids(),
        )
        given = [CAPTIONS] if ids is None else [ids, CAPTIONS]
        assert float(found) == pytest.approx(self.slow(images, texts, 3.0, *given), rel=1e-5)

    def test_the_inverse_temperature_stays_below_100(self):
        codes = paddle.to_tensor(np.eye(3, dtype=np.float32))
        hot, limit = (
            NPairLoss(paddle.to_tensor([np.log(scale)], dtype="float32")) for scale in (1e6, 100.0)
        )
        assert float(hot(codes[[1, 0, 2]], codes)) == pytest.approx(
            float(limit(codes[[1, 0, 2]], codes))
        )

    def test_the_temperature_is_learned_with_the_model(self):
        config = load_config("sample_paper_npair", ["word_dim=4", "embed_size=6"])
        model = build_model(*encoders_for_training(config, word_list(9), 5))
        before = model.logit_scale.item()
        optimizer = get_optimizer(model, SimpleNamespace(learning_rate=0.1))
        codes = model(
            paddle.randn([3, 5]),
            paddle.to_tensor([[1, 2], [3, 4], [5, 6]]),
            paddle.to_tensor([2, 2, 1]),
        )
        build_loss(config, model)(*codes).backward()
        optimizer.step()
        assert model.logit_scale.item() != before

    def test_a_code_that_is_no_number_makes_the_loss_none(self):
        loss = NPairLoss(paddle.to_tensor([0.0]))
        codes = paddle.to_tensor(np.array([[1, 0], [np.nan, 1]], np.float32))
        assert np.isnan(float(loss(codes, codes)))


IDS = [None, [3, 8, 3, 5, 8, 2, 1]]


class TestBoth:
    """Triplet and N-pair together, each a mean over the queries of a batch."""

    @pytest.mark.parametrize("hard_negative", [False, True])
    @pytest.mark.parametrize("ids", IDS)
    def test_it_is_what_both_slow_forms_add_up_to(self, ids, hard_negative):
        images, texts = codes(7, seed=5), codes(7, seed=6)
        scale = paddle.to_tensor([np.log(3.0)], dtype="float32")
        loss = BothLosses(TripletNetLoss(0.3, hard_negative), NPairLoss(scale), 2.0, 0.5)
        numbers = None if ids is None else paddle.to_tensor(ids)

        found = float(loss(tensor(images), tensor(texts), numbers, caption_ids()))

        hinges = slow_loss(images, texts, 0.3, hard_negative, "cosine", ids, CAPTIONS)
        given = [CAPTIONS] if ids is None else [ids, CAPTIONS]
        npair = TestNPair.slow(images, texts, 3.0, *given)
        assert found == pytest.approx(2.0 * hinges / 14 + 0.5 * npair, rel=1e-5)

    def test_what_the_weights_mean_does_not_depend_on_the_size_of_the_batch(self):
        images, texts = codes(4, seed=1), codes(4, seed=2)
        loss = BothLosses(TripletNetLoss(0.2, True), NPairLoss(paddle.to_tensor([0.0])), 1.0, 0.0)

        once = float(loss(tensor(images), tensor(texts)))
        twice = float(
            loss(
                *(tensor(np.concatenate([side, side])) for side in (images, texts)),
                paddle.to_tensor([0, 1, 2, 3] * 2),
            )
        )

        assert twice == pytest.approx(once, rel=1e-5)


def slow_soft_loss(images, texts, temperature, *ids, targets_of=None):
    """One caption after the other, as the loss of the dual encoder is written down."""
    batch, of = len(images), targets_of or (images, texts)
    images, texts, of_images, of_texts = (rows.astype(np.float64) for rows in (images, texts, *of))

    def allowed(row):
        return [
            other
            for other in range(batch)
            if other == row or all(given[other] != given[row] for given in ids)
        ]

    def log_softmax(values):
        return values - values.max() - np.log(np.exp(values - values.max()).sum())

    targets = np.zeros((batch, batch))
    for row in range(batch):
        alike = np.array(
            [
                (of_texts[row] @ of_texts[other] + of_images[row] @ of_images[other])
                / (2 * temperature)
                for other in allowed(row)
            ]
        )
        targets[row, allowed(row)] = np.exp(log_softmax(alike))
    total = 0.0
    for row in range(batch):
        others = allowed(row)
        by_caption = np.array([texts[row] @ images[other] for other in others]) / temperature
        by_image = np.array([images[row] @ texts[other] for other in others]) / temperature
        total -= targets[row, others] @ log_softmax(by_caption) / batch
        total -= targets[others, row] @ log_softmax(by_image) / batch
    return total / 2


class TestSoftTargets:
    """The loss of the documents' dual encoder."""

    @pytest.mark.parametrize("ids", IDS)
    @pytest.mark.parametrize("masked", [False, True])
    def test_it_equals_the_slow_form(self, ids, masked):
        images, texts = 0.4 * codes(7, seed=5), 0.4 * codes(7, seed=6)

        found = SoftTargetLoss()(
            tensor(images),
            tensor(texts),
            None if ids is None else paddle.to_tensor(ids),
            caption_ids() if masked else None,
        )

        given = [each for each in (ids, CAPTIONS if masked else None) if each is not None]
        expected = slow_soft_loss(images, texts, 0.05, *given)
        assert float(found) == pytest.approx(expected, rel=1e-5)

    def test_gradients_are_the_slopes_with_the_targets_held(self):
        images, texts = 0.3 * codes(4, 3, seed=3), 0.3 * codes(4, 3, seed=4)
        images, texts = images.astype(np.float64), texts.astype(np.float64)
        held = images.copy(), texts.copy()
        leaves = tensor(images), tensor(texts)

        SoftTargetLoss()(*leaves).backward()

        for leaf, rows in zip(leaves, (images, texts)):
            for place in np.ndindex(rows.shape):
                kept, ends = rows[place], []
                for nudge in (1e-6, -1e-6):
                    rows[place] = kept + nudge
                    ends.append(slow_soft_loss(images, texts, 0.05, targets_of=held))
                rows[place] = kept
                slope = (ends[0] - ends[1]) / 2e-6
                assert leaf.grad.numpy()[place] == pytest.approx(slope, abs=1e-5)

    def test_a_code_that_is_no_number_makes_the_loss_none(self):
        bad = tensor(np.array([[1, 0], [np.nan, 1]], np.float32))
        assert np.isnan(float(SoftTargetLoss()(bad, tensor(codes(2, 2)))))


@pytest.mark.parametrize(
    "changes, before, after",
    [
        (dict(), ("TripletNetLoss", True), ("TripletNetLoss", True)),
        (dict(hard_negative_warmup=2), ("TripletNetLoss", False), ("TripletNetLoss", True)),
        (
            dict(hard_negative_warmup=2, hard_negative_warmup_loss="npair"),
            ("NPairLoss", None),
            ("TripletNetLoss", True),
        ),
        (dict(loss="both", hard_negative_warmup=2), ("BothLosses", False), ("BothLosses", True)),
        (
            dict(loss="both", hard_negative_warmup=2, hard_negative_warmup_loss="npair"),
            ("NPairLoss", None),
            ("BothLosses", True),
        ),
        (
            dict(loss="soft", hard_negative_warmup=2),
            ("SoftTargetLoss", None),
            ("SoftTargetLoss", None),
        ),
        (
            dict(hard_negative=False, hard_negative_warmup=2, hard_negative_warmup_loss="npair"),
            ("TripletNetLoss", False),
            ("TripletNetLoss", False),
        ),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_the_loss_of_an_epoch(changes, before, after):
    config = load_config("sample", ["word_dim=4", "embed_size=6"]).replaced(
        **{"loss": "triplet", "hard_negative_warmup": 0, "finetuned": False, **changes}
    )
    model = build_model(*encoders_for_training(config, word_list(9), 5))

    found = []
    for epoch in (0, 1, 2, None):
        loss = build_loss(config, model, epoch)
        triplet = getattr(loss, "triplet", loss)
        found.append((type(loss).__name__, getattr(triplet, "hard_negative", None)))

    assert found == [before, before, after, after]
    learns = any(name in ("NPairLoss", "BothLosses") for name, _ in found)
    assert hasattr(model, "logit_scale") == learns
