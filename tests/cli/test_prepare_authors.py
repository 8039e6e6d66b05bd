"""The authors' data through the tools: precomputed features, and COCO by caption ids."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import COLOURS, SHAPES, sentences_about
from PIL import Image

from vsepp import load, load_checkpoint
from vsepp.cli.command import run as status_of
from vsepp.cli.eval import main as evaluate
from vsepp.cli.features import main as features
from vsepp.cli.infer import main as infer
from vsepp.cli.prepare import main as prepare
from vsepp.cli.train import main as train
from vsepp.system.errors import InputError

KINDS = [(colour, shape) for colour in COLOURS for shape in SHAPES]
COUNTS = {"train": 20, "dev": 4, "test": 4}
SIZE = 12
TINY = [
    "word_dim=8",
    "embed_size=16",
    "batch_size=8",
    "num_epochs=2",
    "learning_rate=0.01",
    "evaluate_step=100",
    "device=cpu",
]


def write_precomp(folder, repeat=5, per_image=5):
    """What a network might say about coloured shapes: one number per colour and per shape."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for split, images in COUNTS.items():
        rows, lines = np.zeros((images, SIZE), np.float32), []
        for place, (colour, shape) in enumerate(KINDS[:images]):
            rows[place, [list(COLOURS).index(colour), 5 + SHAPES.index(shape)]] = 1
            lines += sentences_about(colour, shape)[:per_image]
        rows += noise.normal(scale=0.05, size=rows.shape)
        np.save(folder / f"{split}_ims.npy", np.repeat(rows, repeat, axis=0))
        (folder / f"{split}_caps.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def run(run_tool):
    return run_tool


def test_from_the_authors_features_to_an_answer(run, capsys):
    data = ["--dataset", "f_precomp"]
    lines = run(prepare, "--precomp", write_precomp(Path("f_precomp")), "--min-word-count", 0)
    assert lines[0] == "Data set f_precomp: features from --precomp f_precomp."
    assert lines[-1] == "Next: python tools/train.py --dataset f_precomp -o finetuned=false"
    assert run(features, *data)[-1].startswith("backbone precomputed, weights ")

    log = "\n".join(run(train, *data, "-o", "finetuned=false", *TINY))
    assert "came with its features, 12 numbers to an image: image_model and its weights" in log
    assert "20 images, 100 captions, given features" in log
    checkpoint = load_checkpoint("model/vsepp/best_f_precomp.ckpt")
    assert checkpoint["backbone"]["backbone"] == "precomputed"
    assert not any("backbone" in name for name in checkpoint["model"])

    assert "f_precomp, test split: 4 images, 20 sentences" in "\n".join(run(evaluate, *data))
    answer = run(infer, *data, "--text", "a red frame", "--save", "answer.png")
    assert sorted(line.split(maxsplit=2)[2] for line in answer[-5:-1]) == [
        f"test image {image}" for image in range(4)
    ]
    assert Image.open("answer.png").width > 500

    Image.new("RGB", (300, 300)).save("photo.png")
    assert status_of(infer, [*data, "--image", "photo.png"]) == 2
    assert "encode_features" in capsys.readouterr().err
    codes = load("model/vsepp/best_f_precomp.ckpt").encode_features(np.ones((2, SIZE)))
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1, rtol=1e-5)

    resumed = run(train, *data, "-o", "finetuned=false", *TINY, "num_epochs=3", "checkpoint=last")
    assert any("epoch 3/3" in line for line in resumed)


def test_one_caption_to_an_image_need_not_be_said_again(run):
    write_precomp(Path("one"), repeat=1, per_image=1)
    lines = run(prepare, "--precomp", "one", "--dataset", "single")
    assert lines[-1] == ("Next: python tools/train.py --dataset single -o finetuned=false")


def test_the_authors_configuration_needs_nothing_more(run):
    write_precomp(Path("f_precomp"))
    assert (
        run(prepare, "--precomp", "f_precomp", "-c", "f_precomp_paper")[-1]
        == "Next: python tools/train.py -c f_precomp_paper"
    )


def test_fine_tuning_without_photographs_is_refused(run):
    run(prepare, "--precomp", write_precomp(Path("f_precomp")))
    with pytest.raises(InputError, match="no photographs: set finetuned=false"):
        train(["--dataset", "f_precomp"])
    with pytest.raises(InputError, match="no photographs: set features=auto"):
        train(["--dataset", "f_precomp", "-o", "finetuned=false", "features=false"])


def test_what_is_prepared_stays_and_changes_need_force(run):
    arguments = ["--precomp", write_precomp(Path("f_precomp"))]
    run(prepare, *arguments)
    folder = Path("data/f_precomp")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert "left as it is" in run(prepare, *arguments)[1]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before

    with pytest.raises(InputError, match="min_word_count 5 instead of 1.*--force"):
        prepare([*map(str, arguments), "--min-word-count", "1"])
    rows = np.load("f_precomp/dev_ims.npy")
    np.save("f_precomp/dev_ims.npy", rows * 2)
    with pytest.raises(InputError, match="prepared with other features.*--force"):
        prepare([*map(str, arguments)])
    assert "left as it is" not in "".join(run(prepare, *arguments, "--force"))


def test_lost_features_are_put_back(run):
    arguments = ["--precomp", write_precomp(Path("f_precomp"))]
    run(prepare, *arguments)
    path = next(Path("data/f_precomp/features").glob("*/val.npy"))
    path.unlink()
    with pytest.raises(InputError, match="lacks the features of the val split.*--precomp"):
        features(["--dataset", "f_precomp"])
    run(prepare, *arguments)
    assert path.exists()


def test_coco_comes_from_its_annotations_and_the_authors_ids(run):
    splits = {
        "train": (1, "train2014"),
        "dev": (2, "val2014"),
        "test": (3, "val2014"),
        "restval": (4, "val2014"),
    }
    notes = {
        "train2014": {"images": [], "annotations": []},
        "val2014": {"images": [], "annotations": []},
    }
    for split, (number, year) in splits.items():
        name = f"COCO_{year}_{number:012d}.jpg"
        Path(f"photos/{year}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20)).save(f"photos/{year}/{name}")
        notes[year]["images"].append({"id": number, "file_name": name})
        ids = [10 * number + place for place in range(5)]
        notes[year]["annotations"] += [
            {"id": key, "image_id": number, "caption": f"Dog {key}!"} for key in ids
        ]
        np.save(f"coco_{split}_ids.npy", np.array(ids))
    for year, content in notes.items():
        Path(f"captions_{year}.json").write_text(json.dumps(content))

    arguments = [
        "--coco-annotations",
        "captions_train2014.json",
        "captions_val2014.json",
        "--coco-ids",
        ".",
        "--images",
        "photos",
    ]
    lines = run(prepare, *arguments)

    assert lines[0] == (
        "Data set coco: from --coco-annotations and --coco-ids . and --images photos."
    )
    assert len(json.loads(Path("data/coco/dataset_coco.json").read_text())["images"]) == 4
    data = json.loads(Path("data/coco/restval_data.json").read_text())
    assert [Path(path).exists() for path in data["IMAGES"]] == [True]
    assert len(data["CAPTIONS"]) == 5
    assert "left as it is" in run(prepare, *arguments)[1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--coco-ids", "ids"], "belong together: give both"),
        (["--coco-annotations", "a.json"], "belong together: give both"),
        (["--coco-annotations", "a", "--coco-ids", "b", "--captions", "c"], "choose one"),
        (["--precomp", "a", "--images", "b"], "leave out the options for captions and photographs"),
        (["--precomp", "nowhere"], "nowhere is no folder"),
    ],
)
def test_options_that_do_not_go_together_are_refused(run, arguments, message):
    with pytest.raises(InputError, match=message):
        prepare(arguments)
