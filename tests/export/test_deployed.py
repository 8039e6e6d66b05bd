"""deploy/: what people and pictures do wrong ends in a sentence, and long pictures in no memory."""

import importlib.util
import io
import sys

import numpy as np
import pytest
import yaml
from exports import DEPLOY, deployed
from PIL import Image

from vsepp.data.images import open_image
from vsepp.data.transforms import CenterCrop, normalize
from vsepp.system.errors import InputError

STEPS = {"resize": 9, "image_size": 8, "square": False, "floor_crop": False}
STEPS.update(interpolation="bilinear", mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.4])
WORDS = ["<pad>", "<start>", "<end>", "<unk>", "red", "blue"]
MARKS = {"padding": 0, "start": 1, "end": 2, "unknown": 3, "vocabulary": WORDS}


def image_graph(images):
    batches.append(len(images))
    return [images.mean(axis=(2, 3))]


def cells_graph(images):
    batches.append(len(images))
    cells = images.reshape(len(images), 3, -1)
    return [cells, cells.mean(axis=(1, 2), keepdims=True)]


def step_graph(words, states, cells):
    """ "red" for a bright picture, "blue" for a dark one, and then the end."""
    scores = np.zeros((len(words), len(WORDS)), np.float32)
    scores[words == 1, np.where(states[words == 1, 0, 0] > 0, 4, 5)] = 9
    scores[words != 1, 2] = 9
    return [scores, states, cells]


def text_graph(captions, lengths):
    return [np.where(captions[:, 1:2] == 4, 1, -1) * np.ones((1, 3), np.float32)]


KINDS = {
    "retrieval": {"image": image_graph, "text": text_graph},
    "captioner": {"image": cells_graph, "step": step_graph},
}
batches = []  # how many photographs the image graph was given each time


@pytest.fixture
def exports(tmp_path, monkeypatch):
    """A folder of each kind; their graphs are the functions above."""
    batches.clear()
    monkeypatch.setattr(
        deployed("exported"), "_open_paddle", lambda path, _: KINDS[path.parent.name][path.name]
    )
    text = {"tokenizer": "words", "find": r"\w+", **MARKS}
    for kind, graphs in KINDS.items():
        about = {
            "kind": kind,
            "format": "paddle",
            "graphs": {name: {} for name in graphs},
            "preprocessing": STEPS,
            "checkpoint": {"fingerprint": "f"},
            "embed_size": 3,
            "measure": "cosine",
            **({"text": text} if kind == "retrieval" else {"words": MARKS, "longest": 4}),
        }
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "inference.yml").write_text(yaml.safe_dump(about))
    return tmp_path


@pytest.fixture
def photographs(tmp_path):
    """18 pictures, the first of them bright, and one that is none."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(18):
        picture = Image.new("RGB", (12, 10), (250, 250, 250) if number == 0 else (5, 5, number))
        picture.save(folder / f"{number:02}.png")
    (folder / "05b.png").write_bytes(b"no picture")
    return folder


def png(size, **options):
    file = io.BytesIO()
    Image.new("RGB", size, (9, 99, 199)).save(file, "PNG", **options)
    return file.getvalue()


def started(monkeypatch, name, *words):
    """The module and what its main() ends with: a number, a sentence or nothing."""
    module = deployed(name)
    monkeypatch.setattr("sys.argv", [f"{name}.py", *map(str, words)])
    try:
        module.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else str(end.code)
    return 0


@pytest.fixture
def server(monkeypatch):
    """What imports deploy/server/server.py afresh, with variables of the environment."""
    pytest.importorskip("fastapi")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # which it changes

    def imported(**variables):
        for name in ("VSEPP_MODEL", "VSEPP_PHOTOGRAPHS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        deployed("exported")
        monkeypatch.setattr("sys.path", [*sys.path])
        spec = importlib.util.spec_from_file_location("server", DEPLOY / "server" / "server.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return imported


@pytest.mark.parametrize("size", [(1, 60000), (60001, 1), (3, 20000), (2, 99), (4, 200), (40, 30)])
@pytest.mark.parametrize("floor", [True, False])
def test_a_picture_of_any_shape_is_the_packages(size, floor, exports, monkeypatch):
    theirs = deployed("exported").Exported(exports / "retrieval")
    theirs.about["preprocessing"]["floor_crop"] = floor
    pixels = np.random.default_rng(0).integers(256, size=(*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(exports / "long.png")
    shapes = []
    resize = Image.Image.resize
    monkeypatch.setattr(
        Image.Image, "resize", lambda self, *rest: shapes.append(rest[0]) or resize(self, *rest)
    )

    found = theirs.pixels(exports / "long.png")
    theirs_shape = shapes.pop()
    crop = CenterCrop(9, 8, False, floor_crop=floor)
    ours = normalize(crop(open_image(exports / "long.png")), STEPS["mean"], STEPS["std"])

    np.testing.assert_array_equal(found, ours)
    assert [theirs_shape] == shapes and max(theirs_shape) <= 51 * 9


def test_a_damaged_exif_is_a_damaged_file_in_both(exports):
    file = exports / "broken.png"
    file.write_bytes(png((40, 40), exif=b"Exif\0\0junk"))

    with pytest.raises(InputError, match="damaged"):
        open_image(file, exif=True)
    with pytest.raises(ValueError, match=r"broken\.png cannot be read .*TIFF"):
        deployed("exported").Exported(exports / "retrieval").pixels(file)


def test_captions_are_written_in_spite_of_a_broken_file(exports, photographs, monkeypatch, capsys):
    files = [*sorted(photographs.iterdir()), exports / "missing.jpg"]

    assert started(monkeypatch, "caption", exports / "captioner", *files) == 1

    said = capsys.readouterr()
    expected = [f"{each}: {'red' if each.stem == '00' else 'blue'}" for each in files]
    assert said.out.splitlines() == [each for each in expected if "b.png" not in each][:-1]
    first, second = said.err.splitlines()
    assert first.startswith(f"left out: {files[6]} cannot be read") and "missing.jpg" in second
    assert batches == [15, 3]
    assert started(monkeypatch, "caption", exports / "captioner", *files[:2]) == 0


def test_a_folder_is_searched_in_batches(exports, photographs, monkeypatch, capsys):
    words = [exports / "retrieval", photographs, "red", "--count", "2"]

    assert started(monkeypatch, "search", *words) == 0

    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 2 and said.out.splitlines()[0].endswith("00.png")
    assert said.err.startswith(f"left out: {photographs / '05b.png'} cannot be read")
    assert batches == [15, 3]


@pytest.mark.parametrize("count", ["-2", "0"])
def test_a_count_below_one_is_refused(count, exports, photographs, monkeypatch, capsys):
    words = [exports / "retrieval", photographs, "red", "--count", count]

    assert started(monkeypatch, "search", *words) == 2
    assert "give 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["search", "caption"])
def test_a_folder_that_is_no_export_is_named(name, exports, photographs, monkeypatch):
    said = started(monkeypatch, name, photographs, photographs, "red")

    assert said.startswith(f"{photographs} holds no inference.yml")
    assert "a folder that vsepp export wrote" in said


def test_the_server_does_not_start_without_its_folders(exports, server, monkeypatch):
    monkeypatch.chdir(exports / "captioner")  # where there is no folder "photographs"
    for variables, wrong in [
        ({}, "VSEPP_MODEL is not set"),
        ({"VSEPP_MODEL": exports}, f"VSEPP_MODEL: {exports} holds no inference.yml"),
        ({"VSEPP_MODEL": exports / "retrieval"}, "set VSEPP_PHOTOGRAPHS"),
        (
            {"VSEPP_MODEL": exports / "retrieval", "VSEPP_PHOTOGRAPHS": exports / "nowhere"},
            "nowhere holds no photograph",
        ),
    ]:
        with pytest.raises(SystemExit, match=wrong):
            server(**variables)
    assert server(VSEPP_MODEL=exports / "captioner").health()["photographs"] == 0


def test_a_picture_that_cannot_be_read_is_422(exports, photographs, server):
    pytest.importorskip("httpx")
    from fastapi.testclient import TestClient

    app = server(VSEPP_MODEL=exports / "retrieval", VSEPP_PHOTOGRAPHS=photographs).app
    with TestClient(app, raise_server_exceptions=False) as client:
        for body, status in [
            (png((40, 40)), 200),
            (png((1, 60000)), 200),
            (png((40, 40), exif=b"Exif\0\0junk"), 422),
            (png((40, 40))[:-30], 422),
            (b"", 422),
        ]:
            assert client.post("/photographs", content=body).status_code == status
    app = server(VSEPP_MODEL=exports / "captioner").app
    with TestClient(app) as client:
        assert client.post("/caption", content=png((9, 9))).json()["words"] == ["blue"]
