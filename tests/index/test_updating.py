"""The index of a folder: made, brought up to date, interrupted, searched meanwhile."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from colour_model import ColourModel, draw_photographs
from PIL import Image

from vsepp.index.exact import ExactIndex
from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index
from vsepp.system.errors import InputError

TESTS = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    """Forty photographs."""
    draw_photographs(tmp_path / "photos", 40)
    return tmp_path / "photos"


@pytest.fixture
def index(tmp_path):
    return tmp_path / "index"


def contents(index):
    """{name: bytes} of an index's files."""
    return {path.name: path.read_bytes() for path in Path(index).iterdir()}


def counts(report):
    return {
        "new": report.new,
        "changed": report.changed,
        "gone": report.gone,
        "unchanged": report.unchanged,
        "encoded": report.encoded,
    }


def change(path):
    Image.new("RGB", (9, 9), (200, 10, 60)).save(path)


def check_answers(folder, index):
    """Every photograph finds itself, with the code that it has now."""
    opened, model = PhotographIndex(index), ColourModel()
    for photograph in opened.manifest.photographs:
        code = model.encode_pixels(model.pixels(folder / photograph.path)[None])[0]
        found, scores = opened.search(code, 3)
        assert found[0].path == photograph.path and scores[0] == pytest.approx(1, abs=1e-3)
        assert Path(opened.path(photograph)) == folder / photograph.path


def test_every_photograph_is_indexed_and_found(folder, index):
    report = update_index(folder, index, ColourModel())
    assert counts(report) == dict(new=40, changed=0, gone=0, unchanged=0, encoded=40)
    assert sorted(path.suffix for path in index.iterdir()) == [".json", ".npy"]
    assert len(PhotographIndex(index)) == report.total == 40
    check_answers(folder, index)


def test_a_second_run_does_nothing(folder, index):
    update_index(folder, index, ColourModel())
    before = contents(index)
    report = update_index(folder, index, ColourModel())
    assert counts(report) == dict(new=0, changed=0, gone=0, unchanged=40, encoded=0)
    assert contents(index) == before


def test_a_new_a_changed_and_a_removed_photograph_are_three_changes(folder, index):
    update_index(folder, index, ColourModel())
    change(folder / "000.png")
    (folder / "sea" / "001.png").unlink()
    change(folder / "sea" / "new.png")
    Image.new("RGB", (9, 9), (1, 250, 6)).save(folder / "sea" / "new.png")
    report = update_index(folder, index, ColourModel())
    assert counts(report) == dict(new=1, changed=1, gone=1, unchanged=38, encoded=2)
    check_answers(folder, index)
    update_index(folder, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


def test_photographs_that_were_moved_or_touched_are_not_encoded_again(folder, index):
    update_index(folder, index, ColourModel())
    (folder / "sea").rename(folder / "lake")
    os.utime(folder / "000.png", ns=(1, 1))
    report = update_index(folder, index, ColourModel())
    assert (report.encoded, report.unchanged, report.changed) == (0, 14, 0)
    assert report.new == report.gone == 26
    check_answers(folder, index)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_files_that_cannot_be_read_are_named_and_left_out(folder, index):
    (folder / "empty.jpg").touch()
    (folder / "text.JPG").write_text("no picture")
    whole = (folder / "000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    Image.new("1", (10_000, 9_000)).save(folder / "huge.png")
    report = update_index(folder, index, ColourModel())
    assert [path for path, _ in report.unreadable] == [
        "cut.png",
        "empty.jpg",
        "huge.png",
        "text.JPG",
    ]
    assert "megapixels" in dict(report.unreadable)["huge.png"]
    assert str(folder) not in str(report.unreadable)
    assert report.total == 40
    # Mended, they are taken in.
    shutil.copy(folder / "000.png", folder / "cut.png")
    change(folder / "text.JPG")
    report = update_index(folder, index, ColourModel())
    assert (report.new, report.encoded, len(report.unreadable)) == (2, 1, 2)


def test_a_photograph_that_breaks_is_forgotten(folder, index):
    update_index(folder, index, ColourModel())
    (folder / "000.png").write_bytes(b"")
    report = update_index(folder, index, ColourModel())
    assert (report.total, report.gone, report.unreadable[0][0]) == (39, 0, "000.png")


def test_photographs_are_turned_as_exif_says(folder, index):
    wide = Image.effect_mandelbrot((40, 20), (-2, -1, 1, 1), 50).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    wide.rotate(90, expand=True).save(folder / "turned.png", exif=exif)
    wide.save(folder / "upright.png")
    update_index(folder, index, ColourModel())
    opened, model = PhotographIndex(index), ColourModel()
    code = model.encode_pixels(model.pixels(folder / "upright.png")[None])[0]
    found, scores = opened.search(code, 2)
    assert {photograph.path for photograph in found} == {"turned.png", "upright.png"}
    assert scores[0] == scores[1]


def test_an_index_inside_the_folder_is_no_part_of_it(folder):
    index = folder / "index"
    update_index(folder, index, ColourModel())
    Image.new("RGB", (5, 5)).save(index / "stray.png")
    assert update_index(folder, index, ColourModel()).total == 40


def test_float16_takes_half_the_room_and_stays(folder, index):
    update_index(folder, index, ColourModel(), dtype="float16")
    change(folder / "000.png")
    assert update_index(folder, index, ColourModel()).changed == 1
    check_answers(folder, index)
    codes = next(path for path in index.iterdir() if path.suffix == ".npy")
    assert np.load(codes).dtype == np.float16
    with pytest.raises(InputError, match="--force"):
        update_index(folder, index, ColourModel(), dtype="float32")
    report = update_index(folder, index, ColourModel(), dtype="float32", force=True)
    assert report.encoded == 40
    update_index(folder, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


def test_the_order_measure_is_the_indexs(folder, index):
    update_index(folder, index, ColourModel(measure="order"))
    opened = PhotographIndex(index)
    code = np.full(48, 0.1, np.float32)
    rows = np.load(next(path for path in index.iterdir() if path.suffix == ".npy"))
    exact = ExactIndex("order")
    exact.add(np.arange(40), rows)
    found, _ = opened.search(code, 5)
    assert [opened.manifest.photographs.index(photograph) for photograph in found] == exact.search(
        code[None], 5
    )[0][0].tolist()


# ---- interruptions -------------------------------------------------------------------------

_KILLED = """
import os, signal, sys
from colour_model import ColourModel
from vsepp.index import updating
updating.FLUSH_COUNT = 10
def stop(encoded):
    if encoded >= {after}:
        os.kill(os.getpid(), signal.SIGKILL)
updating.update_index({folder!r}, {index!r}, ColourModel(before_batch=stop))
"""


def killed(folder, index, after):
    """Index in a process that kills itself before the batch after ``after`` photographs."""
    script = _KILLED.format(folder=str(folder), index=str(index), after=after)
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}{os.pathsep}{TESTS.parent}"}
    done = subprocess.run([sys.executable, "-c", script], env=environment)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_what_a_killed_run_encoded_is_kept_and_the_end_is_the_same(folder, index):
    killed(folder, index, 32)
    with pytest.raises(InputError, match="no index"):
        PhotographIndex(index)
    # Half a line and half a code, as a power cut leaves them.
    with open(index / "journal.jsonl", "ab") as file:
        file.write(b'["sea/037.png", 12')
    with open(index / "journal.codes", "ab") as file:
        file.write(b"xxx")
    report = update_index(folder, index, ColourModel())
    assert (report.recovered, report.encoded, report.new) == (32, 8, 40)
    update_index(folder, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_killed_update_leaves_the_old_index(folder, index):
    update_index(folder, index, ColourModel())
    before = contents(index)
    for number in range(40, 60):
        Image.new("RGB", (9, 9), (number, 0, 99)).save(folder / f"{number}.png")
    killed(folder, index, 16)
    after = contents(index)
    assert {name: after[name] for name in before} == before
    assert len(PhotographIndex(index)) == 40
    report = update_index(folder, index, ColourModel())
    assert (report.recovered, report.encoded, report.new, report.unchanged) == (16, 4, 20, 40)


@pytest.mark.parametrize("step", ["write_codes", "write_manifest", "remove_earlier"])
def test_a_crash_while_the_generations_change_is_mended_by_the_next_run(
    folder, index, step, monkeypatch
):
    from vsepp.index import file_store

    update_index(folder, index, ColourModel())
    change(folder / "000.png")

    def crash(*arguments):
        raise SystemError("crash")

    monkeypatch.setattr(file_store, step, crash)
    with pytest.raises(SystemError):
        update_index(folder, index, ColourModel())
    assert len(PhotographIndex(index)) == 40  # the old one or the new one, but whole
    monkeypatch.undo()
    assert update_index(folder, index, ColourModel()).encoded == 0
    update_index(folder, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_loses_nothing(folder, index, error):
    def stop(encoded):
        if encoded == 32:
            raise error

    with pytest.raises(error):
        update_index(folder, index, ColourModel(before_batch=stop))
    assert update_index(folder, index, ColourModel()).recovered == 32


def test_a_journal_of_another_checkpoint_is_not_used(folder, index):
    def stop(encoded):
        if encoded == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index(folder, index, ColourModel("a" * 64, before_batch=stop))
    report = update_index(folder, index, ColourModel("b" * 64))
    assert (report.recovered, report.encoded) == (0, 40)


# ---- several processes ---------------------------------------------------------------------


def test_a_second_indexer_is_refused_at_once(folder, index):
    def second(encoded):
        if encoded == 16:
            with pytest.raises(InputError, match="another process is indexing"):
                update_index(folder, index, ColourModel())
            refused.append(True)

    refused = []
    update_index(folder, index, ColourModel(before_batch=second))
    assert refused


def test_searches_during_updates_see_one_index_or_the_other(folder, index):
    update_index(folder, index, ColourModel())
    code = ColourModel().encode_pixels(ColourModel().pixels(folder / "sea/004.png")[None])[0]
    stop, problems, seen = threading.Event(), [], set()

    def search():
        while not stop.is_set():
            try:
                opened = PhotographIndex(index)
                found, scores = opened.search(code, 1)
                seen.add(len(opened))
                assert found[0].path == "sea/004.png" and scores[0] > 0.99999
            except BaseException as error:
                problems.append(error)
                return

    reader = threading.Thread(target=search)
    reader.start()
    try:
        for number in range(8):
            change(folder / f"more{number}.png")
            os.utime(folder / f"more{number}.png", ns=(number, number))
            update_index(folder, index, ColourModel())
    finally:
        stop.set()
        reader.join()
    assert not problems and seen <= set(range(40, 49))


def test_an_open_index_stays_what_it_was(folder, index):
    update_index(folder, index, ColourModel())
    opened = PhotographIndex(index)
    shutil.rmtree(folder / "sea")
    update_index(folder, index, ColourModel())
    assert len(opened.search(np.ones(48, np.float32), 100)[0]) == len(opened) == 40
    assert len(PhotographIndex(index)) == 14


# ---- refusals ------------------------------------------------------------------------------


def test_another_checkpoint_needs_force(folder, index):
    update_index(folder, index, ColourModel("a" * 64))
    before = contents(index)
    with pytest.raises(InputError, match="--force"):
        update_index(folder, index, ColourModel("b" * 64))
    assert contents(index) == before
    report = update_index(folder, index, ColourModel("b" * 64), force=True)
    assert report.encoded == 40
    assert PhotographIndex(index).manifest.origin.encoding.fingerprint == "b" * 64


def test_another_folder_needs_force_and_keeps_what_fits(folder, index):
    update_index(folder, index, ColourModel())
    moved = folder.with_name("moved")
    folder.rename(moved)
    with pytest.raises(InputError, match="--force"):
        update_index(moved, index, ColourModel())
    report = update_index(moved, index, ColourModel(), force=True)
    assert (report.encoded, report.unchanged) == (0, 40)
    check_answers(moved, index)


def test_a_folder_without_photographs_does_not_empty_an_index(folder, index):
    """As when a disk is not mounted."""
    update_index(folder, index, ColourModel())
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(InputError, match="holds no photographs"):
        update_index(folder, index, ColourModel())
    assert len(PhotographIndex(index)) == 40


def test_a_folder_without_one_readable_photograph_is_refused(tmp_path, index):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(InputError, match="a.jpg"):
        update_index(tmp_path / "photos", index, ColourModel())


def test_a_folder_of_other_files_is_no_place_for_an_index(folder, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    with pytest.raises(InputError, match="thesis.tex"):
        update_index(folder, tmp_path / "thesis", ColourModel())
    with pytest.raises(InputError, match="is a file"):
        update_index(folder, tmp_path / "thesis" / "thesis.tex", ColourModel())
    with pytest.raises(InputError, match="does not exist"):
        update_index(tmp_path / "none", tmp_path / "index", ColourModel())


def test_a_model_that_gives_nan_is_refused(folder, index):
    class Broken(ColourModel):
        def encode_pixels(self, pixels):
            return super().encode_pixels(pixels) * np.nan

    with pytest.raises(InputError, match="NaN"):
        update_index(folder, index, Broken())


# ---- damage --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, index) of six photographs."""
    place = tmp_path_factory.mktemp("made")
    draw_photographs(place / "photos", 6)
    update_index(place / "photos", place / "index", ColourModel())
    return place / "photos", place / "index"


@pytest.fixture
def own(made, index):
    """(folder, index): a copy of that index, to be damaged."""
    shutil.copytree(made[1], index)
    return made[0], index


def set_in(manifest, *place, value):
    for key in place[:-1]:
        manifest = manifest[key]
    manifest[place[-1]] = value


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: set_in(m, "format", value="vsepp-photographs-2"),
        lambda m: m.pop("format"),
        lambda m: m.pop("folder"),
        lambda m: m.pop("approximate"),
        lambda m: set_in(m, "approximate", value={"kind": 3}),
        lambda m: set_in(m, "encoding", value=[]),
        lambda m: set_in(m, "encoding", "embed_size", value=-48),
        lambda m: set_in(m, "encoding", "embed_size", value="48"),
        lambda m: set_in(m, "encoding", "dtype", value="object"),
        lambda m: set_in(m, "encoding", "measure", value="nearest"),
        lambda m: set_in(m, "encoding", "more", value=1),
        lambda m: set_in(m, "photographs", 0, 0, value="../../etc/passwd.jpg"),
        lambda m: set_in(m, "photographs", 0, 0, value="/etc/passwd.jpg"),
        lambda m: set_in(m, "photographs", 0, 0, value="sea/../../x.jpg"),
        lambda m: set_in(m, "photographs", 0, 0, value="a\0.jpg"),
        lambda m: set_in(m, "photographs", 0, 0, value=""),
        lambda m: set_in(m, "photographs", 0, 0, value=m["photographs"][1][0]),
        lambda m: set_in(m, "photographs", 0, 1, value=None),
        lambda m: set_in(m, "photographs", 0, value=7),
        lambda m: m["photographs"].pop(),
        lambda m: m["photographs"].reverse(),
        lambda m: set_in(m, "generation", value="../../other"),
    ],
)
def test_a_damaged_manifest_is_one_sentence(own, damage):
    folder, index = own
    path = index / "manifest.json"
    manifest = json.loads(path.read_text())
    damage(manifest)
    path.write_text(json.dumps(manifest))
    for use in (PhotographIndex, lambda place: update_index(folder, place, ColourModel())):
        with pytest.raises(InputError, match="manifest.json") as caught:
            use(index)
        assert "\n" not in str(caught.value)


def test_force_replaces_a_damaged_manifest(own):
    folder, index = own
    before = contents(index)
    (index / "manifest.json").write_text("{")
    assert update_index(folder, index, ColourModel(), force=True).encoded == 6
    assert contents(index) == before


def save_array(change):
    def damage(path):
        np.save(path, change(np.load(path)))

    return damage


def put_nan(codes):
    codes[3, 5] = np.nan
    return codes


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-100]),
        lambda path: path.write_bytes(b""),
        lambda path: path.unlink(),
        lambda path: path.write_text("codes"),
        save_array(lambda codes: codes[:-1]),
        save_array(lambda codes: codes[:, :-1]),
        save_array(lambda codes: codes.astype(np.float64)),
        save_array(lambda codes: codes.astype(">f4")),
        save_array(np.asfortranarray),
        save_array(put_nan),
    ],
)
def test_damaged_codes_are_one_sentence_and_force_replaces_them(own, damage):
    folder, index = own
    before = contents(index)
    damage(next(path for path in index.iterdir() if path.suffix == ".npy"))
    for use in (
        lambda: PhotographIndex(index).search(np.ones(48, np.float32), 1),
        lambda: update_index(folder, index, ColourModel()),
    ):
        with pytest.raises(InputError, match="codes-") as caught:
            use()
        assert "--force" in str(caught.value) and "\n" not in str(caught.value)
    assert update_index(folder, index, ColourModel(), force=True).encoded == 6
    assert contents(index) == before


def test_a_damaged_manifest_that_is_no_json_is_one_sentence(own):
    folder, index = own
    for text in ("", "{", "[]", "[" * 100_000):
        (index / "manifest.json").write_text(text)
        with pytest.raises(InputError, match="manifest.json"):
            PhotographIndex(index)


def test_an_approximate_index_is_kept_up_to_date(folder, index):
    pytest.importorskip("faiss")
    update_index(folder, index, ColourModel())
    with pytest.raises(InputError, match="no approximate index"):
        PhotographIndex(index, approximate=True)
    report = update_index(folder, index, ColourModel(), approximate=True)
    assert report.encoded == 0 and report.approximate["recall"] > 0.9
    change(folder / "000.png")
    update_index(folder, index, ColourModel())
    code = np.full(48, 0.1, np.float32)
    approximate, exact = PhotographIndex(index, approximate=True), PhotographIndex(index)
    assert approximate.search(code, 5)[0] == exact.search(code, 5)[0]
    assert len(list(index.glob("*.faiss"))) == 1
    next(index.glob("*.faiss")).write_bytes(b"x")
    with pytest.raises(InputError, match="damaged"):
        PhotographIndex(index, approximate=True)
    update_index(folder, index, ColourModel(), approximate=False)
    assert not list(index.glob("*.faiss"))


# ---- folders and patterns ------------------------------------------------------------------


@pytest.fixture
def more(tmp_path):
    """Five other photographs, in a folder of their own."""
    draw_photographs(tmp_path / "more", 5, seed=1)
    return tmp_path / "more"


def adds_up(report):
    return sum(report.parts.values()) == report.found.files


def test_a_second_folder_is_added(folder, more, index):
    update_index(folder, index, ColourModel())
    report = update_index([folder, more], index, ColourModel())
    assert counts(report) == dict(new=5, changed=0, gone=0, unchanged=40, encoded=5)
    assert report.remarks == [f"added: the folder {more}"] and adds_up(report)
    check_answers(folder.parent, index)
    before = contents(index)
    report = update_index([folder, more], index, ColourModel())
    assert counts(report) == dict(new=0, changed=0, gone=0, unchanged=45, encoded=0)
    assert contents(index) == before and not report.remarks
    update_index([folder, more], index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


def test_an_empty_folder_is_added_and_kept(folder, index, tmp_path):
    (tmp_path / "empty").mkdir()
    update_index(folder, index, ColourModel())
    report = update_index([folder, tmp_path / "empty"], index, ColourModel())
    assert report.unchanged == report.total == 40
    assert [label for label, _ in PhotographIndex(index).manifest.folders] == ["photos", "empty"]


def test_a_folder_around_the_one_before_takes_its_place(folder, index):
    update_index(folder / "sea", index, ColourModel())
    report = update_index(folder, index, ColourModel())
    assert counts(report) == dict(new=14, changed=0, gone=0, unchanged=26, encoded=14)
    check_answers(folder, index)


def test_one_of_several_folders_is_not_left_out_by_mistake(folder, more, index):
    update_index([folder, more], index, ColourModel())
    before = contents(index)
    with pytest.raises(InputError, match="name all of its folders") as caught:
        update_index(more, index, ColourModel())
    assert f"{folder} and {more}" in str(caught.value) and contents(index) == before
    report = update_index(more, index, ColourModel(), force=True)
    assert counts(report) == dict(new=0, changed=0, gone=40, unchanged=5, encoded=0)
    check_answers(more, index)
    update_index(more, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


def test_the_same_photograph_in_two_folders_is_found_in_both(folder, index, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    report = update_index([folder, tmp_path / "copy"], index, ColourModel())
    assert report.total == 80
    opened = PhotographIndex(index)
    paths = [opened.path(photograph) for photograph in opened.manifest.photographs]
    assert len(set(paths)) == 80 and all(map(os.path.isfile, paths))


def test_what_an_interrupted_run_over_several_folders_encoded_is_kept(folder, more, index):
    def stop(encoded):
        if encoded == 32:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        update_index([folder, more], index, ColourModel(before_batch=stop))
    report = update_index([folder, more], index, ColourModel())
    assert (report.recovered, report.encoded) == (32, 13)


@pytest.mark.parametrize(
    "damage",
    [
        lambda m: m.pop("folders"),
        lambda m: set_in(m, "folders", value=[]),
        lambda m: m["folders"].pop(),
        lambda m: set_in(m, "folders", 0, value=["photos"]),
        lambda m: set_in(m, "folders", 0, 0, value="more"),
        lambda m: set_in(m, "folders", 0, 0, value="elsewhere"),
        lambda m: set_in(m, "folders", 0, 0, value=""),
        lambda m: set_in(m, "folders", 0, 1, value=3),
        lambda m: set_in(m, "format", value="vsepp-photographs-1"),
        lambda m: set_in(m, "photographs", 0, 0, value="more"),
        lambda m: set_in(m, "photographs", 0, 0, value="more/../../x.jpg"),
        lambda m: m.update(exclude="*.png"),
        lambda m: m.update(include=[3]),
    ],
)
def test_a_damaged_manifest_of_several_folders_is_one_sentence(folder, more, index, damage):
    update_index([folder, more], index, ColourModel())
    manifest = json.loads((index / "manifest.json").read_text())
    damage(manifest)
    (index / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="manifest.json"):
        PhotographIndex(index)


def test_what_is_excluded_stays_so_until_it_is_said_otherwise(folder, index):
    update_index(folder, index, ColourModel())
    report = update_index(folder, index, ColourModel(), exclude=["deep", "none"])
    assert (report.total, report.gone, report.encoded) == (27, 13, 0)
    assert report.found.excluded == {"deep": 13, "none": 0} and adds_up(report)
    before = contents(index)
    report = update_index(folder, index, ColourModel())
    assert report.total == 27 and contents(index) == before
    assert report.remarks == [
        "as the index has it: --exclude deep --exclude none (--exclude '' ends that)"
    ]
    report = update_index(folder, index, ColourModel(), exclude=["sea"])
    assert report.total == 14 and report.remarks == ["no longer excluded: deep, none"]
    report = update_index(folder, index, ColourModel(), exclude=[""])
    assert report.total == 40 and report.remarks == ["no longer excluded: sea"]
    update_index(folder, index.with_name("fresh"), ColourModel())
    assert contents(index) == contents(index.with_name("fresh"))


def test_what_a_drive_keeps_beside_photographs_comes_in_when_asked_for(folder, index):
    (folder / "@eaDir").mkdir()
    change(folder / "@eaDir" / "thumb.jpg")
    report = update_index(folder, index, ColourModel())
    assert report.total == 40 and report.found.by_name == {"@eaDir/": 1} and adds_up(report)
    assert update_index(folder, index, ColourModel(), include=["@eaDir"]).total == 41
    report = update_index(folder, index, ColourModel())
    assert report.total == 41 and "--include @eaDir" in report.remarks[0]


@pytest.mark.skipif(os.name == "nt", reason="names and links differ there")
def test_every_file_of_a_folder_as_people_have_them_is_counted(folder, index):
    (folder / "sea" / "loop").symlink_to(folder)
    (folder / "gone.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "alias.png").symlink_to(folder / "000.png")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "empty.jpg").touch()
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF")
    change(folder / "two\nlines.jpg")
    change(folder / "\U0001f4f7 雪山.jfif.png")
    Image.new("RGB", (9, 9), "red").save(folder / "a.png.jpg", "PNG")
    (folder / "phone.jpg").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    for name in ("movie.MP4", "notes", ".hidden", "._a.jpg", "Thumbs.db"):
        (folder / name).write_bytes(b"12")
    expected = 40 + 5 + 4 + 5
    with open(os.fsencode(str(folder)) + b"/caf\xe9.bmp", "wb") as file:
        Image.new("RGB", (9, 9), "blue").save(file, "BMP")
    expected += 1

    report = update_index(folder, index, ColourModel())

    assert report.found.files == expected and adds_up(report)
    assert report.total == 45 and dict(report.unreadable).keys() == {
        *("gone.jpg", "pipe.jpg", "empty.jpg", "cut.jpg", "phone.jpg")
    }
    assert report.found.other_kinds == {".mp4": 1, "": 1}
    assert report.found.by_name == {"": 2, "Thumbs.db": 1}
    opened = PhotographIndex(index)
    assert all(os.path.isfile(opened.path(entry)) for entry in opened.manifest.photographs)


@pytest.mark.parametrize("parts", [("index",), ("new", "index")])
def test_a_folder_of_heic_alone_is_one_sentence_and_leaves_no_index(tmp_path, parts):
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"IMG_{number}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    index = tmp_path.joinpath(*parts)
    with pytest.raises(InputError, match="none of the 3 photographs .*IMG_0.HEIC: it is "):
        update_index(tmp_path / "photos", index, ColourModel())
    assert not index.exists()


def test_a_folder_of_other_files_says_what_it_holds(tmp_path, index):
    (tmp_path / "photos" / "@eaDir").mkdir(parents=True)
    for name in ("a.mp4", "b.MP4", "c", "@eaDir/d.jpg"):
        (tmp_path / "photos" / name).touch()
    with pytest.raises(InputError, match=r"holds no photographs \(2 .mp4, 1 without suffix; .*@ea"):
        update_index(tmp_path / "photos", index, ColourModel())
    assert not index.exists()
