"""Scoring a model over a loader: each image once, nothing shuffled, nothing left changed."""

import numpy as np
import paddle
import pytest
from paddle.io import BatchSampler, DataLoader, Dataset, WeightedRandomSampler

from vsepp import VSEPP, InputError, calc_recall, evaluate, mktrainval
from vsepp.metrics.scores import all_metrics, recalls
from vsepp.retrieval.encoding import encode_captions, encode_dataset

CAPTIONS = 5


@pytest.fixture
def loaders(prepared):
    return mktrainval(prepared.folder, prepared.vocab, 8, resize=36, image_size=32)


@pytest.fixture
def model(loaders):
    paddle.seed(0)
    words = len(loaders[0].dataset.vocabulary)
    return VSEPP(words, 6, 16, 1, "shufflenet_v2_x0_25", finetuned=True, pretrained=False)


def codes_one_by_one(loader, model):
    """Image and text codes of each caption, a batch of one at a time."""
    model.eval()
    images, texts = [], []
    with paddle.no_grad():
        for index in range(len(loader.dataset)):
            image, caption, length = loader.dataset[index]
            pair = model(
                *(paddle.to_tensor(np.asarray(part)[None]) for part in (image, caption, length))
            )
            images.append(pair[0].numpy()[0])
            texts.append(pair[1].numpy()[0])
    return np.stack(images), np.stack(texts)


def test_recalls_are_those_of_codes_made_caption_by_caption(loaders, model):
    for loader in loaders[1:]:
        images, texts = codes_one_by_one(loader, model)
        expected = calc_recall(images, texts, CAPTIONS)

        found = evaluate(loader, model, 3, CAPTIONS)

        assert found == expected
        assert len(found) == 6 and 0 < sum(found) < 600


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_codes_do_not_depend_on_the_batch(loaders, model, batch_size):
    images, texts = codes_one_by_one(loaders[1], model)

    found_images, found_texts = encode_dataset(model, loaders[1].dataset, batch_size)

    np.testing.assert_allclose(found_images, images[::CAPTIONS], atol=1e-5)
    np.testing.assert_allclose(found_texts, texts, atol=1e-5)


def test_each_image_is_encoded_once_and_each_caption_once(loaders, model, monkeypatch):
    seen = {"image_extractor": [], "text_extractor": []}
    for name, rows in seen.items():
        part = getattr(model, name)

        def counted(first, *rest, _forward=part.forward, _rows=rows):
            _rows.append(len(first))
            return _forward(first, *rest)

        monkeypatch.setattr(part, "forward", counted)

    evaluate(loaders[1], model, 3, CAPTIONS)

    assert seen["image_extractor"] == [3, 1]
    assert sum(seen["text_extractor"]) == 20 and max(seen["text_extractor"]) == 3


def test_captions_come_back_in_their_own_order(loaders, model):
    model.eval()
    captions = [[1, 2, 3], [4], [5, 6, 7, 8, 9], [4, 4]]

    with paddle.no_grad():
        together = encode_captions(model, captions, 2)
        apart = np.concatenate([encode_captions(model, [caption], 1) for caption in captions])

    np.testing.assert_allclose(together, apart, atol=1e-6)
    assert np.abs(apart[0] - apart[1]).max() > 0.01


def in_order(dataset):
    return DataLoader(dataset, batch_size=4)


@pytest.mark.parametrize(
    "shuffled",
    [
        lambda dataset: DataLoader(dataset, batch_size=4, shuffle=True),
        lambda dataset: DataLoader(
            dataset,
            batch_sampler=BatchSampler(
                sampler=WeightedRandomSampler([1.0] * len(dataset), len(dataset)), batch_size=4
            ),
        ),
        lambda dataset: DataLoader(
            dataset,
            batch_sampler=paddle.io.DistributedBatchSampler(
                dataset, 4, num_replicas=1, rank=0, shuffle=True
            ),
        ),
    ],
    ids=["shuffle=True", "weighted", "distributed"],
)
def test_a_shuffled_loader_is_refused(loaders, model, shuffled):
    dataset = loaders[1].dataset

    with pytest.raises(InputError, match="shuffled"):
        evaluate(shuffled(dataset), model, 8, CAPTIONS)
    assert evaluate(in_order(dataset), model, 8, CAPTIONS) == evaluate(
        loaders[1], model, 8, CAPTIONS
    )


def test_the_training_loader_is_refused(loaders, model):
    with pytest.raises(InputError, match="shuffled"):
        evaluate(loaders[0], model, 8, CAPTIONS)


def test_every_layer_is_left_in_the_mode_it_was_in(loaders, model):
    model.train()
    model.text_extractor.gru.eval()
    model.image_extractor.backbone.eval()
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    assert len(set(modes)) == 2
    seen = []
    model.image_extractor.fc.register_forward_pre_hook(
        lambda layer, _: seen.append((layer.training, paddle.is_grad_enabled()))
    )

    evaluate(loaders[1], model, 8, CAPTIONS)

    assert [layer.training for layer in model.sublayers(include_self=True)] == modes
    assert seen == [(False, False)]
    assert paddle.is_grad_enabled()


def test_the_mode_is_restored_after_a_failure(loaders, model, monkeypatch):
    model.train()
    monkeypatch.setattr(model.text_extractor, "forward", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        evaluate(loaders[1], model, 8, CAPTIONS)

    assert all(layer.training for layer in model.sublayers(include_self=True))
    assert paddle.is_grad_enabled()


class Plain(Dataset):
    """Somebody else's data set with our items, and one entry more in each."""

    def __init__(self, dataset):
        self.items = [(*dataset[index], index) for index in range(len(dataset))]

    def __getitem__(self, index):
        return self.items[index]

    def __len__(self):
        return len(self.items)


def test_a_plain_loader_over_another_data_set(loaders, model):
    model.train()

    found = evaluate(in_order(Plain(loaders[1].dataset)), model, 8, CAPTIONS)

    assert model.training
    assert found == evaluate(loaders[1], model, 8, CAPTIONS)


def test_the_measure_is_the_models(loaders, model):
    images, texts = codes_one_by_one(loaders[1], model)
    model.measure = "order"

    found = evaluate(loaders[1], model, 8, CAPTIONS)

    assert found == calc_recall(images, texts, CAPTIONS, measure="order")
    assert found != calc_recall(images, texts, CAPTIONS)


def test_a_model_that_diverged_is_refused(loaders, model):
    model.text_extractor.embedding.weight.set_value(
        np.full(model.text_extractor.embedding.weight.shape, np.nan, np.float32)
    )

    with pytest.raises(ValueError, match="NaN"):
        evaluate(loaders[1], model, 8, CAPTIONS)


def test_another_stride_than_the_data_sets_is_refused(loaders, model):
    with pytest.raises(InputError, match="captions_per_image"):
        evaluate(loaders[1], model, 8, 4)


def test_flat_recalls_agree_with_evaluate(loaders, model):
    codes = encode_dataset(model, loaders[1].dataset, 128)
    flat = recalls(all_metrics(*codes, CAPTIONS, model.measure))

    assert tuple(flat.values())[:6] == evaluate(loaders[1], model, 8, CAPTIONS)
    assert flat["rsum"] == pytest.approx(sum(list(flat.values())[:6]))
