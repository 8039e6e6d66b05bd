"""Training on the reward of sampled sentences."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from captioners import make_captioner

from vsepp.captioning.decoding import decode
from vsepp.captioning.options import Decoding
from vsepp.captioning.splits import cells_of
from vsepp.metrics.captions.scores import caption_scores
from vsepp.models.caption_decoders.word_decoder import targets_of
from vsepp.models.caption_loss import rewarded_loss
from vsepp.text.vocabulary import Vocabulary
from vsepp.training.self_critical import SelfCritic

SENTENCES = [
    ["a red dog runs", "the red dog runs"],
    ["two birds sit", "two birds sit there"],
    ["a blue boat", "the blue boat sails"],
]


@pytest.fixture(scope="module")
def place():
    """(critic of three images, their vocabulary, a captioner, the images' grids)"""
    words = [sentence.split() for group in SENTENCES for sentence in group]
    vocabulary = Vocabulary.build(words, 0)
    dataset = SimpleNamespace(captions_per_image=2, captions=list(map(vocabulary.encode, words)))
    critic = SelfCritic(dataset, vocabulary, samples=4, temperature=0.8, longest=6)
    model = make_captioner("attention", words=len(vocabulary))
    grids = np.random.default_rng(0).standard_normal((3, 6, 10)).astype(np.float32)
    return critic, vocabulary, model, grids


def test_sentences_follow_from_the_seed_and_are_measured_by_their_siblings(place):
    critic, vocabulary, model, grids = place
    cells = paddle.to_tensor(cells_of(model, grids))
    samples = critic(model.decoder, cells, [2, 0, 1], 3)
    again = critic(model.decoder, cells, [2, 0, 1], 3)
    others = critic(model.decoder, cells, [2, 0, 1], 4)

    np.testing.assert_array_equal(samples.captions.numpy(), again.captions.numpy())
    assert samples.captions.numpy().tolist() != others.captions.numpy().tolist()
    # those of an image are the same whoever looks at the others
    (own,) = np.nonzero(samples.rows.numpy() == 1)
    alone = critic(model.decoder, cells[1:2], [0], 3).captions.numpy()
    longest = alone.shape[1]
    np.testing.assert_array_equal(alone, samples.captions.numpy()[own, :longest])
    assert samples.rows.numpy().tolist() == [0] * 4 + [1] * 4 + [2] * 4
    np.testing.assert_allclose(samples.advantages.reshape(3, 4).sum(1), 0, atol=1e-5)
    # the reward is CIDEr-D, the end of a sentence being a word of it
    references = [[f"{sentence} <end>" for sentence in group] for group in SENTENCES]
    drawn = []
    for caption, length in zip(samples.captions.numpy(), samples.lengths.numpy()):
        drawn.append(" ".join(vocabulary.words[index] for index in caption[1:length]))
    rewards = []
    for row, sentence in zip(samples.rows.numpy(), drawn):
        image = [2, 0, 1][row]
        candidates = [""] * 3
        candidates[image] = sentence
        whole = caption_scores(candidates, references, tokenized=True)["CIDEr-D"]
        rewards.append(whole * 3 / 100)
    rewards = np.array(rewards).reshape(3, 4)
    expected = rewards - (rewards.sum(1, keepdims=True) - rewards) / 3
    np.testing.assert_allclose(samples.advantages.reshape(3, 4), expected, rtol=1e-4, atol=1e-4)


def test_the_loss_is_the_written_out_sum():
    logits = paddle.to_tensor(np.random.default_rng(0).standard_normal((5, 7)), "float32")
    targets, advantages = np.array([0, 3, 6, 2, 1]), np.array([1, 1, -2, -2, 0.5], np.float32)

    found = rewarded_loss(logits, paddle.to_tensor(targets), paddle.to_tensor(advantages))

    rows = logits.numpy().astype(np.float64)
    chances = np.exp(rows) / np.exp(rows).sum(1, keepdims=True)
    expected = -np.mean(advantages * np.log(chances[np.arange(5), targets]))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_rewards_rise(place):
    critic, vocabulary, model, grids = place
    optimizer = paddle.optimizer.Adam(0.02, parameters=model.parameters())
    images = paddle.to_tensor(grids)

    def rewards():
        step = model.decoder.stepper(cells_of(model, grids))
        drawn = decode(step, 3, vocabulary, Decoding(sample=True, captions=50, longest=6, seed=9))
        sentences = [[vocabulary.decode(each.words) for each in found] for found in drawn]
        return np.mean([caption_scores(each, SENTENCES)["CIDEr-D"] for each in zip(*sentences)])

    before = rewards()
    for number in range(60):
        cells = model.image_extractor(images)
        samples = critic(model.decoder, cells, [0, 1, 2], number)
        logits, _ = model.decoder(cells, samples.captions, samples.lengths, samples.rows)
        targets = targets_of(samples.captions.numpy(), samples.lengths.numpy())
        of_words = np.repeat(samples.advantages, samples.lengths.numpy() - 1)
        loss = rewarded_loss(logits / 0.8, paddle.to_tensor(targets), paddle.to_tensor(of_words))
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()

    assert rewards() > max(3 * before, 100)
