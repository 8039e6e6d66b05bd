"""``tools/features.py``: features of what is prepared, or a sentence."""

from vsepp.cli.command import run
from vsepp.cli.features import main

TINY = [
    "-o",
    "image_model=shufflenet_v2_x0_25",
    "pretrained=false",
    "resize=36",
    "image_size=32",
    "device=cpu",
]


def test_features_of_every_split_are_computed(prepared, capsys):
    assert run(main, ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), *TINY]) == 0

    printed = capsys.readouterr().out
    assert "train: 12 images, 512 numbers each" in printed and "test: 4 images" in printed


def test_a_data_set_without_a_split_is_refused(prepared, capsys):
    for split in ("train", "val", "test"):
        (prepared.folder / f"{split}_data.json").unlink()

    assert run(main, ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), *TINY]) == 2
    assert "holds no split: run `python tools/prepare.py" in capsys.readouterr().err


def test_a_crop_larger_than_the_image_is_refused(prepared, capsys):
    arguments = ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), *TINY, "resize=16"]

    assert run(main, arguments) == 2
    assert "resize 16 is less than image_size 32" in capsys.readouterr().err
    assert not (prepared.folder / "features").exists()
