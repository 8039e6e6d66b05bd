"""Both encoders together, and what a configuration builds."""

import dataclasses

import numpy as np
import paddle
import pytest
from tiny import word_list

from vsepp import VSEPP, Config
from vsepp.models.encoders import encoders_for_training
from vsepp.models.state import get_state
from vsepp.models.vsepp import BACKBONE, build_model

TINY = "shufflenet_v2_x0_25"
CONFIG = dataclasses.replace(
    Config(), image_model=TINY, pretrained=False, word_dim=4, embed_size=6, num_layers=2
)


def batch(images):
    captions = np.array([[1, 2, 3, 0], [4, 5, 0, 0], [1, 1, 1, 1]])
    return images, paddle.to_tensor(captions), paddle.to_tensor(np.array([3, 2, 4]))


def random(*shape):
    return paddle.to_tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def test_forward_gives_a_code_of_each_image_and_each_caption():
    model = VSEPP(9, 4, 6, 1, TINY, finetuned=True, pretrained=False)
    model.eval()
    images, captions, lengths = batch(random(3, 3, 64, 64))

    image_codes, text_codes = model(images, captions, lengths)

    assert image_codes.shape == [3, 6] and text_codes.shape == [3, 6]
    np.testing.assert_array_equal(image_codes.numpy(), model.image_extractor(images).numpy())
    np.testing.assert_array_equal(
        text_codes.numpy(), model.text_extractor(captions, lengths).numpy()
    )


def test_with_a_feature_size_there_is_no_backbone():
    model = VSEPP(9, 4, 6, 1, "resnet152", finetuned=False, feature_size=5)

    image_codes, _ = model(*batch(random(3, 5)))

    assert image_codes.shape == [3, 6]
    assert not [name for name in model.state_dict() if name.startswith(BACKBONE)]


def test_train_leaves_a_frozen_backbone_in_evaluation_mode():
    model = VSEPP(9, 4, 6, 1, TINY, finetuned=False, pretrained=False)

    model.eval()
    assert not any(layer.training for layer in model.sublayers(include_self=True))
    model.train()

    frozen = model.image_extractor.backbone.sublayers(include_self=True)
    assert not any(layer.training for layer in frozen)
    assert model.training and model.text_extractor.gru.training
    before = get_state(model)
    model(*batch(random(3, 3, 64, 64)))
    after = get_state(model)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_train_puts_a_finetuned_backbone_into_training_mode():
    model = VSEPP(9, 4, 6, 1, TINY, finetuned=True, pretrained=False)
    model.eval()

    model.train()

    assert all(layer.training for layer in model.sublayers(include_self=True))


def test_options_reach_the_head_they_are_for():
    model = VSEPP(
        9, 4, 6, 1, TINY, feature_size=5, normalize_images=False, use_abs=True, measure="order"
    )

    image_codes, text_codes = (codes.numpy() for codes in model(*batch(random(3, 5) * 10)))

    assert model.measure == "order"
    assert (image_codes >= 0).all() and (text_codes >= 0).all()
    assert not np.allclose(np.linalg.norm(image_codes, axis=1), 1, atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(text_codes, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("feature_size", [None, 7])
def test_the_halves_built_alone_have_the_names_of_the_whole(feature_size):
    text, image = encoders = encoders_for_training(CONFIG, word_list(9), feature_size)
    whole = {
        name: value.shape
        for name, value in build_model(*encoders, with_weights=False).state_dict().items()
    }

    halves = {}
    for prefix, half in (("image_extractor.", image.build()), ("text_extractor.", text.build())):
        halves.update({prefix + name: value.shape for name, value in half.state_dict().items()})

    assert halves == whole


@pytest.mark.parametrize("finetuned", [False, True])
def test_a_configuration_says_whether_the_backbone_is_trained(finetuned):
    model = build_model(
        *encoders_for_training(dataclasses.replace(CONFIG, finetuned=finetuned), word_list(9))
    )

    # Batch-norm's statistics are parameters to Paddle, and never trained.
    weights = [
        parameter
        for name, parameter in model.image_extractor.backbone.named_parameters()
        if not name.endswith(("._mean", "._variance"))
    ]
    assert len(weights) > 50
    assert {parameter.stop_gradient for parameter in weights} == {not finetuned}


def test_without_weights_no_file_is_read():
    config = dataclasses.replace(CONFIG, pretrained=True, weights="nowhere.pdparams")

    encoders = encoders_for_training(config, word_list(9))

    build_model(*encoders, with_weights=False)

    with pytest.raises(ValueError, match="nowhere.pdparams"):
        build_model(*encoders)
