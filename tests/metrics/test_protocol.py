"""Protocols, ensembles and saved ranks over codes made in the test."""

from types import SimpleNamespace

import numpy as np
import pytest
from whole_matrix import make_gallery, similarities, slow_ranks

from vsepp.metrics import protocol as scoring
from vsepp.metrics.protocol import score
from vsepp.metrics.scores import all_metrics, compute_ranks, fold_metrics
from vsepp.system.errors import InputError


@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
def test_one_model_is_scored_as_ever(captions_per_image):
    gallery = make_gallery(0, captions_per_image=captions_per_image)

    result = score([gallery])

    assert result.metrics == all_metrics(gallery.images, gallery.texts, captions_per_image)
    i2t, t2i = compute_ranks(
        gallery.images.repeat(captions_per_image, 0), gallery.texts, captions_per_image
    )
    assert np.array_equal(result.ranks.i2t, i2t) and np.array_equal(result.ranks.t2i, t2i)
    assert result.ranks.folds == 1 and result.protocol == "all 12 images"


@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
@pytest.mark.parametrize(
    "fold, protocol",
    [
        (4, "3 folds of 4 images, means"),
        (12, "1 fold of 12 images, means"),
        (5, "2 folds of 5 images, means (the last 2 images left out)"),
        (11, "1 fold of 11 images, means (the last 1 image left out)"),
    ],
)
def test_folds_say_which_images_they_are_of(monkeypatch, fold, protocol, captions_per_image):
    monkeypatch.setattr(scoring, "FOLD", fold)
    gallery = make_gallery(1, captions_per_image=captions_per_image)

    result = score([gallery], folds=True)

    assert result.protocol == protocol
    assert result.metrics == fold_metrics(
        gallery.images, gallery.texts, captions_per_image, fold=fold
    )
    folds = 12 // fold
    assert result.ranks.folds == folds
    assert (len(result.ranks.i2t), len(result.ranks.t2i)) == (
        folds * fold,
        folds * fold * captions_per_image,
    )
    first = compute_ranks(
        gallery.images[:fold].repeat(captions_per_image, 0),
        gallery.texts[: fold * captions_per_image],
        captions_per_image,
    )
    assert np.array_equal(result.ranks.i2t[:fold], first[0])
    assert np.array_equal(result.ranks.t2i[: fold * captions_per_image], first[1])


@pytest.mark.parametrize("measure", ["cosine", "order"])
@pytest.mark.parametrize("copies", [2, 3])
def test_an_ensemble_of_a_model_with_itself_is_the_model(measure, copies):
    gallery = make_gallery(2, measure=measure)

    alone, together = score([gallery]), score([gallery] * copies)

    assert together.metrics == alone.metrics
    assert np.array_equal(together.ranks.t2i, alone.ranks.t2i)


@pytest.mark.parametrize(
    "measure, whole",
    [
        ("cosine", False),
        ("order", False),
        ("cosine", True),  # many ties; sums of the order measure's roots tie only up to rounding
    ],
)
@pytest.mark.parametrize("captions_per_image", [1, 3, 5])
@pytest.mark.parametrize("sizes", [(6, 6), (6, 4, 9)])
def test_an_ensemble_ranks_by_the_mean_of_the_similarities(
    sizes, captions_per_image, measure, whole
):
    galleries = [
        make_gallery(
            seed, captions_per_image=captions_per_image, size=size, measure=measure, whole=whole
        )
        for seed, size in enumerate(sizes)
    ]
    total = sum(similarities(gallery) for gallery in galleries)

    ranks = score(galleries).ranks

    i2t, t2i = slow_ranks(total, captions_per_image)
    assert (ranks.i2t.tolist(), ranks.t2i.tolist()) == (i2t, t2i)
    assert t2i != score(galleries[:1]).ranks.t2i.tolist()


@pytest.mark.parametrize("measure", ["cosine", "order"])
def test_ties_count_against_an_ensemble(measure):
    gallery = make_gallery(0, measure=measure)
    gallery.images[:], gallery.texts[:] = gallery.images[0], gallery.texts[0]

    assert score([gallery, gallery]).metrics["rsum"] == 0


def test_measures_are_not_mixed():
    with pytest.raises(InputError, match="cosine and order.*one measure"):
        score([make_gallery(0), make_gallery(0, measure="order")])


@pytest.mark.parametrize(
    "flips, said",
    [
        ([False, False], ""),
        ([True, True], ", mirror image averaged"),
        ([False, True], ", mirror image averaged in 1 of 2 models"),
    ],
)
def test_the_protocol_says_which_models_average_over_mirror_images(flips, said):
    models = [
        SimpleNamespace(checkpoint="a", fingerprint="f", config=SimpleNamespace(test_flip=flip))
        for flip in flips
    ]

    result = score([make_gallery(0), make_gallery(1)], models=models)

    assert result.protocol == f"all 12 images{said}"
    other = score([make_gallery(0)], models=models[:1])
    compared = result.compared_with(other).to_dict()["compare"]
    assert compared.get("protocol") == (None if flips[0] == flips[1] else other.protocol)
