"""A caption read word by word gives what all of its words at once give."""

import numpy as np
import paddle
import pytest
from captioners import KINDS, VOCABULARY, make_captioner, make_captions, make_features

LENGTHS, IMAGES = [5, 2, 7, 4], [2, 0, 0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_steps_give_what_forward_gives(kind):
    captioner = make_captioner(kind)
    captioner.eval()
    captions, lengths = make_captions(LENGTHS)
    cells = captioner.image_extractor(make_features())
    rows = paddle.to_tensor(IMAGES)
    logits, attention = captioner.decoder.forward(cells, captions, lengths, rows)
    expected = paddle.nn.functional.log_softmax(logits, axis=1).numpy()

    step = captioner.decoder.stepper(cells.numpy())
    first = step.start()
    place = 0
    for caption, length, image in zip(captions.numpy(), LENGTHS, IMAGES):
        image = np.array([image])
        states = first[image]
        for word in caption[: length - 1]:
            found, states, looked = step(np.array([word]), states, image)
            np.testing.assert_allclose(found[0], expected[place], atol=1e-5)
            np.testing.assert_allclose(looked[0], attention[place].numpy(), atol=1e-5)
            place += 1
    assert place == len(expected) == sum(LENGTHS) - len(LENGTHS)
    assert found.dtype == states.dtype == looked.dtype == np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_several_images_are_read_together(kind):
    captioner = make_captioner(kind)
    captioner.eval()
    step = captioner.decoder.stepper(captioner.image_extractor(make_features()).numpy())
    words, images = np.array([4, 9, 4, 2]), np.array([0, 2, 1, 2])
    states = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)

    together = step(words, states, images)

    assert together[0].shape == (4, VOCABULARY)
    np.testing.assert_allclose(np.exp(together[0]).sum(axis=1), 1, atol=1e-5)
    for row in range(4):
        alone = step(words[row : row + 1], states[row : row + 1], images[row : row + 1])
        for one, several in zip(alone, together):
            np.testing.assert_allclose(one[0], several[row], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_writes_to_nothing_it_was_given(kind):
    captioner = make_captioner(kind)
    captioner.eval()
    cells = captioner.image_extractor(make_features()).numpy()
    step = captioner.decoder.stepper(cells)
    before = cells.copy(), step.start().copy()
    states = step.start()[[0, 1]]
    kept = states.copy()

    step(np.array([2, 2]), states, np.array([0, 1]))

    np.testing.assert_array_equal(cells, before[0])
    np.testing.assert_array_equal(step.start(), before[1])
    np.testing.assert_array_equal(states, kept)
