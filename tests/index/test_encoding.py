"""An index goes on only with codes of the same encoding, whenever it was made."""

import hashlib
import json

import numpy as np
import pytest
from colour_model import ColourModel, draw_photographs

from vsepp.data.preprocessing import Preprocessing
from vsepp.index import file_store
from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index
from vsepp.system.errors import InputError


@pytest.fixture
def folder(tmp_path):
    draw_photographs(tmp_path / "photos", 20)
    return tmp_path / "photos"


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index"


def contents(index):
    return {path.name: path.read_bytes() for path in index.iterdir()}


ENCODING = {
    "fingerprint": "f" * 64,
    "embed_size": 48,
    "resize": 4,
    "image_size": 4,
    "measure": "cosine",
    "dtype": "float32",
}


def write_older(folder, index):
    """The index of ``folder`` as it was written before an encoding said more than this."""
    model, lines, codes = ColourModel(), [], []
    for path in sorted(folder.rglob("*.png"), key=lambda path: str(path.relative_to(folder))):
        about = path.stat()
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        name = path.relative_to(folder).as_posix()
        lines.append([name, about.st_size, about.st_mtime_ns, sha256])
        codes.append(model.encode_pixels(model.pixels(path)[None])[0])
    generation = hashlib.sha256(
        json.dumps(["vsepp-photographs-1", ENCODING, [line[3] for line in lines]]).encode()
    ).hexdigest()[:16]
    content = {
        "format": "vsepp-photographs-1",
        "generation": generation,
        "folder": str(folder),
        "checkpoint": str(folder.parent / "colours.ckpt"),
        "encoding": ENCODING,
        "approximate": None,
    }
    index.mkdir()
    np.save(index / f"codes-{generation}.npy", np.stack(codes).astype("<f4"))
    photographs = ",\n".join(map(json.dumps, lines))
    (index / "manifest.json").write_text(
        json.dumps(content)[:-1] + ', "photographs": [\n' + photographs + "\n]}\n"
    )


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where colours.ckpt would be


@pytest.mark.parametrize("flags", [{}, {"normalize_features": True}], ids=["plain", "flags"])
def test_an_index_from_before_is_gone_on_with_and_left_as_it_is(folder, index, flags):
    write_older(folder, index)
    before = contents(index)

    report = update_index(folder, index, ColourModel(**flags))

    assert (report.encoded, report.unchanged, report.total) == (0, 20, 20)
    after = contents(index)
    assert after["manifest.json"] == before["manifest.json"] and after.keys() == before.keys()
    if not flags:  # and a new one is the same
        update_index(folder, index.with_name("fresh"), ColourModel())
        assert contents(index.with_name("fresh"))["manifest.json"] == before["manifest.json"]


@pytest.mark.parametrize("flags", [{}, {"use_abs": True}], ids=["plain", "flags"])
def test_a_journal_from_before_is_gone_on_with(folder, index, flags):
    def stop(encoded):
        if encoded == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(folder, index, ColourModel(before_batch=stop))
    first = (index / "journal.jsonl").read_bytes().splitlines()[0]
    assert first.decode() == json.dumps({"format": "vsepp-photographs-1", **ENCODING})

    report = update_index(folder, index, ColourModel(**flags))

    assert (report.recovered, report.encoded) == (16, 4)


@pytest.mark.parametrize("made, now", [("bfloat16", "float32"), ("float32", "bfloat16")])
def test_another_precision_needs_force(folder, index, made, now):
    update_index(folder, index, ColourModel(precision=made))
    before = contents(index)

    with pytest.raises(InputError, match=f"was encoded in {made}, and colours.ckpt .* {now}") as no:
        update_index(folder, index, ColourModel(precision=now))

    assert "--force" in str(no.value) and "\n" not in str(no.value)
    assert contents(index) == before
    assert update_index(folder, index, ColourModel(precision=now), force=True).encoded == 20
    assert PhotographIndex(index).manifest.origin.encoding.precision == now


def test_what_was_begun_in_another_precision_is_not_gone_on_with(folder, index):
    def stop(encoded):
        if encoded == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(folder, index, ColourModel(precision="bfloat16", before_batch=stop))

    assert update_index(folder, index, ColourModel()).recovered == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"preprocessing": Preprocessing(4, 4, interpolation="bicubic")},
        {"preprocessing": Preprocessing(4, 4, mean=(0.5, 0.5, 0.5))},
        {"preprocessing": Preprocessing(5, 4)},
        {"normalize_images": False},
    ],
)
def test_another_preprocessing_or_flag_needs_force(folder, index, changes):
    update_index(folder, index, ColourModel(**changes))
    update_index(folder, index, ColourModel(**changes))  # the same goes on

    with pytest.raises(InputError, match="another preprocessing.*--force"):
        update_index(folder, index, ColourModel())


def test_a_run_that_finds_nothing_new_reads_the_codes_once(folder, index, monkeypatch):
    update_index(folder, index, ColourModel())
    looked_at = []
    check = file_store.check_finite
    monkeypatch.setattr(
        file_store,
        "check_finite",
        lambda codes, path: (looked_at.append(len(codes)), check(codes, path)),
    )

    assert update_index(folder, index, ColourModel()).encoded == 0
    assert looked_at == [20]
