"""The data that is measured on."""

import numpy as np

from benchmarks import synthetic
from vsepp.data.image_dataset import ImageTextDataset
from vsepp.text.vocabulary import Vocabulary


def test_captions_are_as_long_as_flickr8ks():
    lengths = synthetic.caption_lengths(10_000, np.random.default_rng(0))

    assert abs(lengths.mean() - 13) < 0.2 and lengths.max() == 21 and lengths.min() >= 1


def test_batches_are_padded_and_repeat_themselves():
    first, again = (synthetic.training_batches(2, 4, 30, 7) for _ in range(2))

    for (features, captions, lengths), other in zip(first, again):
        assert features.shape == (4, 7) and features.dtype == np.float32
        assert captions.shape == (4, synthetic.LONGEST) and captions.max() < 30
        assert ((captions > 0).sum(1) == lengths).all()
        assert all((one == two).all() for one, two in zip((features, captions, lengths), other))


def test_codes_are_of_unit_length_and_belong_together():
    images, texts = synthetic.unit_codes(50, 5, 64, noise=2.0)

    for codes in (images, texts):
        np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, rtol=1e-5)
    right = np.einsum("ij,ij->i", np.repeat(images, 5, axis=0), texts).mean()
    assert right > 0.3 > abs((images @ texts.T).mean())


def test_a_prepared_split_opens_as_any_other(tmp_path):
    files = synthetic.draw_photographs(tmp_path / "images", 2, size=(40, 30))
    synthetic.prepare_split(tmp_path, 3, 20, files)

    dataset = ImageTextDataset(tmp_path, tmp_path / "vocab.json", "train")

    assert len(dataset) == 15 and len(dataset.vocabulary) == 20
    assert dataset[14][0].size == (40, 30)


def test_the_vocabulary_is_one():
    assert len(Vocabulary(synthetic.vocabulary(9))) == 9
