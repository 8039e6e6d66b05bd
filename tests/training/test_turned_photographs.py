"""Training, validation, eval and search see the same pixels of a telephone's photographs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny import make_config
from turned import is_upright, save_lying, sky_above_grass, write_own

import vsepp
from vsepp.cli import infer, info, prepare
from vsepp.cli.search import main as search
from vsepp.data.prepared import Prepared
from vsepp.index.photographs import PhotographIndex
from vsepp.models.feature_extraction import load_features
from vsepp.retrieval.encoding import encode_images
from vsepp.retrieval.gallery import open_gallery
from vsepp.retrieval.model import RetrievalModel
from vsepp.training import build_trainer
from vsepp.training.data import open_splits

LARGE = (480, 640)  # of which search decodes an eighth


def prepare_own(folder, *arguments):
    table, photographs = write_own(folder, large=LARGE)
    own = ["--captions", str(table), "--images", str(photographs), "--data-dir", str(folder)]
    few = ["--dataset", "mine", "--captions-per-image", "1", "--min-word-count", "0"]
    assert prepare.main([*own, *few, *arguments]) == 0
    return folder / "mine"


def configured(folder, out, **changes):
    return make_config(
        folder.parent,
        out,
        **{
            "dataset": "mine",
            "captions_per_image": 1,
            "batch_size": 4,
            "num_epochs": 1,
            "evaluate_step": 100,
            **changes,
        },
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return prepare_own(tmp_path_factory.mktemp("own"))


def trained(folder, out, **changes):
    """The configuration of a training on photographs that are turned."""
    config = configured(folder, out, **changes)
    vsepp.train(config)
    return config


@pytest.fixture(scope="module")
def over_photographs(folder, tmp_path_factory):
    return trained(folder, tmp_path_factory.mktemp("photographs"), finetuned=True)


@pytest.fixture(scope="module")
def over_features(folder, tmp_path_factory):
    return trained(folder, tmp_path_factory.mktemp("features"))


@pytest.fixture(params=["over_photographs", "over_features"])
def run(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def model(run):
    return vsepp.load(run.path("best_checkpoint"))


def test_the_checkpoint_says_it(run, model, capsys):
    assert vsepp.load_checkpoint(run.path("best_checkpoint"))["exif"] is True and model.exif
    assert info.main([str(run.path("best_checkpoint")), "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["exif"] is True


def test_one_photograph_has_one_code_in_training_eval_and_search(run, model, folder, tmp_path):
    gallery = open_gallery(model, folder, "train", log=lambda line: pytest.fail(line))
    dataset = open_splits(configured(folder, tmp_path, finetuned=True), ("train",)).splits["train"]
    dataset.transform = model.preprocessing.center_crop()
    photographs = [dataset.image_path(number) for number in range(len(dataset.images))]
    place = ["index", str(folder / "images"), "--out", str(tmp_path / "index")]
    best = ["--checkpoint", str(run.path("best_checkpoint")), "-o", "device=cpu"]
    assert search([*place, *best]) == 0
    index = PhotographIndex(tmp_path / "index")

    inputs = map(dataset.image, range(len(photographs)))
    in_training = encode_images(model, inputs, len(photographs), 4)
    by_path = model.encode_image(photographs)
    as_they_lie = model.encode_image(photographs, exif=False)
    np.testing.assert_allclose(gallery.images, in_training, atol=2e-6)
    np.testing.assert_allclose(model.encode_photographs(dataset), in_training, atol=2e-6)
    for row, path in enumerate(photographs):
        (found,), (score,) = index.search(by_path[row], 1)
        assert found.path == path.name and score == pytest.approx(1, abs=1e-5)
        turned, lying = (
            np.abs(codes[row] - gallery.images[row]).max() for codes in (by_path, as_they_lie)
        )
        # Of the large photograph, search decodes no more pixels than it needs.
        assert lying > 1e-4 and turned < (lying / 4 if row == 1 else 2e-6), (row, turned, lying)


@pytest.mark.parametrize("stored", [False, True])
def test_the_network_sees_sky_above_grass(folder, tmp_path, stored):
    config = configured(folder, tmp_path, finetuned=True, image_store=stored)
    splits = open_splits(config, ("train", "val"), log=lambda line: None).splits

    for dataset in splits.values():
        assert all(is_upright(dataset[index][0]) for index in range(len(dataset)))


def test_codes_and_features_are_those_of_one_choice(run, model, folder, tmp_path, capsys):
    """The same photographs, prepared otherwise, share nothing with these."""
    other = prepare_own(tmp_path, "--exif", "no")
    lines = []
    theirs = open_gallery(model, other, "train", lines.append)

    assert lines == [
        "mine's photographs are read as they are stored, whatever EXIF says; those that "
        f"{model.checkpoint} was trained on were turned as EXIF says"
    ]
    photographs = [theirs.dataset.image_path(number) for number in range(5)]
    as_they_lie = model.encode_image(photographs, exif=False)
    np.testing.assert_allclose(theirs.images, as_they_lie, atol=2e-6)
    ours = open_gallery(model, folder, "train")  # kept under the same name beside the checkpoint
    assert np.abs(ours.images - theirs.images).max() > 1e-4
    if not run.finetuned:
        _, backbone = load_features(run, Prepared(other), ("train",))
        (ours,), (theirs,) = ((each / "features").iterdir() for each in (folder, other))
        assert ours.name == f"{theirs.name}-exif" == f"{backbone.origin.folder_name}-exif"
        capsys.readouterr()
        for kept, exif in ((ours, True), (theirs, False)):
            assert info.main([str(kept), "--json", "-"]) == 0
            assert json.loads(capsys.readouterr().out)["exif"] is exif


def test_a_query_from_the_data_set_is_opened_as_that_says(over_photographs, tmp_path, monkeypatch):
    other = prepare_own(tmp_path, "--exif", "no")
    elsewhere = tmp_path / "holiday.jpg"
    save_lying(sky_above_grass(9), elsewhere)
    asked, encode = [], RetrievalModel.encode_image

    def noted(model, images, exif=True, quiet=True):
        asked.append(exif)
        return encode(model, images, exif, quiet)

    monkeypatch.setattr(RetrievalModel, "encode_image", noted)
    best = ["--checkpoint", str(over_photographs.path("best_checkpoint")), "-o", "device=cpu"]
    where = ["--dataset", "mine", "--data-dir", str(tmp_path), "--split", "val"]
    for image in (other / "images" / "0.jpg", elsewhere):
        assert infer.main(["--image", str(image), *where, *best]) == 0

    assert asked == [False, True]


def test_another_choice_is_another_run(over_photographs, tmp_path):
    last = str(over_photographs.path("last_checkpoint"))
    going_on = replace(over_photographs, data_dir=str(tmp_path), checkpoint=last)
    prepare_own(tmp_path, "--exif", "no")

    with pytest.raises(
        vsepp.InputError,
        match=r"trained on photographs turned as EXIF says, .* prepared with --exif no: run "
        r"`.*prepare.* --dataset mine .*--exif yes --force` with the other options of before",
    ):
        build_trainer(going_on)
    prepare_own(tmp_path, "--exif", "yes", "--force")
    assert build_trainer(going_on).position.step == 1


def test_weights_alone_may_come_from_the_other_kind(over_photographs, tmp_path):
    folder = prepare_own(tmp_path, "--exif", "no")
    weights = str(over_photographs.path("best_checkpoint"))

    trainer = build_trainer(configured(folder, tmp_path, finetuned=True, init_from=weights))

    assert trainer.task.contents()["exif"] is False


def test_a_checkpoint_without_the_record_means_what_it_meant(over_photographs, tmp_path):
    content = vsepp.load_checkpoint(over_photographs.path("best_checkpoint"))
    for key in ("format", "fingerprint"):
        content.pop(key)
    paths = {}
    for name, exif in (("older", None), ("no", False), ("yes", True)):
        paths[name] = tmp_path / f"{name}.ckpt"
        record = {} if exif is None else {"exif": exif}
        vsepp.checkpoint.save_checkpoint(
            paths[name], **{**{k: v for k, v in content.items() if k != "exif"}, **record}
        )

    models = {name: vsepp.load(path) for name, path in paths.items()}
    assert [models[name].exif for name in ("older", "no", "yes")] == [False, False, True]
    assert len({each.fingerprint for each in models.values()}) == 1
