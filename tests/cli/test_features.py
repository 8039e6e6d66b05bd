"""``tools/features.py``: features of what is prepared, or a sentence."""

from vsepp.cli.command import run
from vsepp.cli.features import main
from vsepp.cli.info import main as info

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


def test_grids_and_views_are_computed_as_the_configuration_says(prepared, capsys):
    arguments = ["--dataset", "tiny", "--data-dir", str(prepared.data_dir), *TINY]
    arguments += ["image_features=grid", "resize=70", "image_size=64", "feature_views=2"]

    assert run(main, arguments) == 0
    printed = capsys.readouterr().out.splitlines()

    room = "features of 20 images, 2 views of 12 images of train take 0.2 MB in "
    assert printed[0].startswith(room) and printed[0].endswith(" GB are free")
    assert "train.view2: 12 images, 4 × 512 numbers each" in printed
    assert "test: 4 images, 4 × 512 numbers each" in printed
    (folder,) = (prepared.folder / "features").iterdir()
    assert folder.name.endswith("-70-64-grid2")
    assert sorted(path.name for path in folder.glob("*.npy")) == [
        "test.npy", "train.npy", "train.view1.npy", "train.view2.npy", "val.npy"
    ]  # fmt: skip
    assert run(main, arguments) == 0
    assert not any("free" in line for line in capsys.readouterr().out.splitlines())
    assert run(info, [str(folder)]) == 0
    about = capsys.readouterr().out
    assert "grid" in about and "train.view1 12" in about
