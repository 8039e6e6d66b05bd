"""BERT and ERNIE against what their own packages compute, and the packed way against the plain."""

from pathlib import Path

import numpy as np
import paddle
import pytest

pytest.importorskip("tokenizers")

from vsepp.models.bert import Bert, BertOptions
from vsepp.models.pretrained_text.folder import open_pretrained
from vsepp.models.pretrained_text.weights import read_weights
from vsepp.models.state import get_state, set_state
from vsepp.models.text_encoders.bert import BertExtractor
from vsepp.models.text_encoders.text_dropout import TextDropout
from vsepp.models.twins import compute
from vsepp.models.twins.packed_bert import packed_bert
from vsepp.system.errors import InputError

TOWERS = Path(__file__).parents[2] / "golden" / "towers"
TINY = BertOptions(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    max_position_embeddings=12,
)
POOLINGS = ("first", "mean", "max", "gpo")


def golden(name):
    """The network of a folder in evaluation mode, and what its own package made of sentences."""
    pretrained = open_pretrained(TOWERS / name)
    network = Bert(pretrained.options)
    set_state(network, pretrained.state(), name)
    network.eval()
    with np.load(TOWERS / f"{name}.npz") as arrays:
        return pretrained, network, dict(arrays)


def both_ways(network, ids, mask):
    """States ``[batch, time, size]`` of the plain network and of its packed twin, 0 at padding."""
    lengths = mask.sum(1)
    plain = network(paddle.to_tensor(ids), paddle.to_tensor(lengths)).numpy() * mask[..., None]
    packed = np.zeros_like(plain)
    packed[mask.astype(bool)] = packed_bert(network, ids, lengths).numpy()
    return plain, packed


def batch(seed=0):
    """Captions of six lengths, the longest of all positions; padding is no token."""
    random = np.random.default_rng(seed)
    lengths = np.array([4, 12, 3, 7, 3, 9])
    captions = random.integers(1, TINY.vocab_size, (6, 12))
    captions[np.arange(12) >= lengths[:, None]] = 0
    return paddle.to_tensor(captions), paddle.to_tensor(lengths)


@pytest.mark.parametrize("name", ["tiny_bert", "tiny_ernie"])
def test_states_are_those_of_its_own_package(name):
    pretrained, network, arrays = golden(name)
    ids, mask = arrays["ids"], arrays["mask"]

    read = pretrained.reader.indices([str(sentence) for sentence in arrays["sentences"]])

    longest = ids.shape[1]  # theirs were cut to it, keeping the last token
    assert [row[: longest - 1] + row[-1:] if len(row) > longest else row for row in read] == [
        row[:length].tolist() for row, length in zip(ids, mask.sum(1))
    ]
    for states in both_ways(network, ids, mask):
        np.testing.assert_allclose(states, arrays["hidden"] * mask[..., None], atol=1e-5)
        mean = states.sum(1) / mask.sum(1, keepdims=True)
        np.testing.assert_allclose(mean, arrays["mean_pooled"], atol=1e-5)


@pytest.mark.parametrize("packed", [False, True])
def test_gradients_are_those_of_its_own_package(packed, tmp_path):
    from safetensors.numpy import save_file

    _, network, arrays = golden("tiny_bert")
    ids, mask = arrays["ids"], arrays["mask"].astype(bool)
    if packed:
        states = packed_bert(network, ids, mask.sum(1))
        (states * paddle.to_tensor(arrays["weight"][mask])).sum().backward()
    else:
        states = network(paddle.to_tensor(ids), paddle.to_tensor(mask.sum(1)))
        (states * paddle.to_tensor(arrays["weight"] * mask[..., None])).sum().backward()
    theirs = {key[5:]: value for key, value in arrays.items() if key.startswith("grad/")}
    save_file(theirs, tmp_path / "model.safetensors")
    expected = read_weights(tmp_path / "model.safetensors", network.options)  # by our names

    assert len(expected) == len(theirs)
    for name, parameter in network.named_parameters():
        size = np.abs(expected[name]).max()
        # What a key's bias adds to all scores of a word alike changes no probability.
        scale = size if size > 1e-4 else 1.0
        difference = np.abs(parameter.grad.numpy() - expected[name]).max()
        assert difference <= 1e-4 * scale, name


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("projection", ["linear", "residual"])
def test_the_packed_way_gives_codes_and_gradients_of_the_plain_one(pooling, projection):
    paddle.seed(1)
    dropout = TextDropout(0.2, 0, 0.2, 4, (0,))
    layer = BertExtractor(TINY, 8, pooling, projection=projection, dropout=dropout)
    layer.train()
    if projection == "residual":
        layer.fc.dropout.eval()
    captions, lengths = batch()
    weights = paddle.to_tensor(np.random.default_rng(3).normal(size=(6, 8)).astype(np.float32))

    found = []
    for way in (layer.forward, lambda *inputs: compute(layer, *inputs)):
        layer.clear_gradients()
        paddle.seed(2)
        codes = way(captions, lengths)
        (codes * weights).sum().backward()
        grads = {name: value.grad.numpy() for name, value in layer.named_parameters()}
        found.append((codes.numpy(), grads))

    (plain, plain_grads), (packed, packed_grads) = found
    np.testing.assert_allclose(packed, plain, atol=1e-6)
    for name, grad in plain_grads.items():
        np.testing.assert_allclose(packed_grads[name], grad, atol=2e-6, err_msg=name)


def test_padding_and_company_change_no_code():
    paddle.seed(1)
    layer = BertExtractor(TINY, 8, "mean")
    layer.eval()
    captions, lengths = batch()

    together = layer(captions, lengths).numpy()
    alone = [layer(captions[row : row + 1], lengths[row : row + 1]).numpy() for row in range(6)]

    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)


def test_a_frozen_bert_stays_as_it_is_and_in_evaluation_mode():
    paddle.seed(1)
    options = BertOptions(**{**TINY.record(), "hidden_dropout_prob": 0.5})
    layer = BertExtractor(options, 8, frozen=True)
    layer.train()
    captions, lengths = batch()

    codes = compute(layer, captions, lengths)
    codes.sum().backward()

    np.testing.assert_array_equal(compute(layer, captions, lengths).numpy(), codes.numpy())
    assert layer.fc.weight.grad is not None
    assert all(parameter.grad is None for parameter in layer.bert.parameters())


def test_words_are_left_out_in_training_alone_and_never_the_marks():
    start, end, mask = 2, 3, 4
    layer = BertExtractor(TINY, 8, dropout=TextDropout(0.5, 0, 0, mask, (start, end)))
    captions = paddle.to_tensor(np.array([[start, *range(5, 13), end]] * 50))

    layer.train()
    seen = layer.words_left_out(captions).numpy()

    assert (seen[:, 0] == start).all() and (seen[:, -1] == end).all()
    assert 0.4 < (seen[:, 1:-1] == mask).mean() < 0.6
    layer.eval()
    assert layer.words_left_out(captions) is captions


@pytest.mark.parametrize(
    "lengths, index, said",
    [([13], 5, "outside 1 to"), ([4], 50, "the index 50"), ([0], 5, "length is 0")],
)
def test_wrong_batches_are_refused(lengths, index, said):
    layer = BertExtractor(TINY, 8)
    captions = np.full((1, 12), index)

    with pytest.raises(InputError, match=said):
        layer(paddle.to_tensor(captions), paddle.to_tensor(lengths))
    with pytest.raises(InputError, match="takes 12 tokens"):
        layer(paddle.to_tensor(np.full((1, 13), 5)), paddle.to_tensor([13]))


def test_shapes_are_known_without_building():
    options = BertOptions(**{**TINY.record(), "task_type_vocab_size": 3, "type_vocab_size": 0})

    for each in (TINY, options):
        built = {name: value.shape for name, value in get_state(Bert(each)).items()}
        assert each.shapes() == built


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"hidden_size": "768"}, "hidden_size is '768'"),
        ({"num_attention_heads": 7}, "7 heads do not divide"),
        ({"hidden_act": "swish"}, "'swish' is not known"),
        ({"num_hidden_layers": 0}, "num_hidden_layers is 0"),
        ({"hidden_dropout_prob": 1.0}, "hidden_dropout_prob is 1.0"),
        ({"task_type_vocab_size": 3, "task_id": 3}, "task_id is 3"),
        ({"vocab_size": True}, "vocab_size is True"),
    ],
)
def test_numbers_that_no_network_has_are_refused(changes, said):
    with pytest.raises(InputError, match=f"config.json: .*{said}"):
        BertOptions.from_record({**TINY.record(), **changes}, "config.json")
