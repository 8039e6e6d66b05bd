"""An index of photographs in Milvus Lite: brought up to date, interrupted, searched."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from colour_model import ColourModel, draw_photographs
from PIL import Image

from vsepp.index.photographs import PhotographIndex
from vsepp.index.updating import update_index
from vsepp.system.errors import InputError

pytest.importorskip("pymilvus")
pytest.importorskip("milvus_lite")

from vsepp.index import milvus_store
from vsepp.index.milvus_collection import MilvusCollection
from vsepp.index.milvus_photographs import MilvusPhotographs
from vsepp.index.milvus_store import MilvusStore

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    """One file for all tests, each with a collection of its own: opening one takes a while."""
    return str(tmp_path_factory.mktemp("milvus") / "photos.db")


@pytest.fixture
def store(uri, request):
    name = "".join(letter for letter in request.node.name if letter.isalnum())[:60]
    return lambda: MilvusStore(uri, f"t{name}")


@pytest.fixture
def folder(tmp_path):
    draw_photographs(tmp_path / "photos", 20)
    return tmp_path / "photos"


def counts(report):
    return [report.new, report.changed, report.gone, report.unchanged, report.encoded]


def change(path, colour=(200, 10, 60)):
    Image.new("RGB", (9, 9), colour).save(path)


def opened(store):
    return MilvusPhotographs(*store()._given)


def state(store):
    """What the collections hold, without the numbers of updates."""
    collection = MilvusCollection(*store()._given)
    index = collection.codes(collection.read().manifest.origin)
    rows = sorted((row["id"], row["file"], row["mtime_ns"], row["sha256"]) for row in index.rows())
    codes = index.codes([row for row, *_ in rows])
    return rows, codes.tobytes(), collection.read().manifest, collection.read().total


def check_answers(folder, store, tmp_path):
    """They are those of the index that a folder would hold."""
    update_index(folder, tmp_path / "exact", ColourModel())
    exact, index = PhotographIndex(tmp_path / "exact"), opened(store)
    assert len(exact) == len(index)
    generator = np.random.default_rng(0)
    queries = generator.random((8, 48)).astype(np.float32)
    for k in (1, 3, 50):
        for right, found in zip(exact.search_all(queries, k), index.search_all(queries, k)):
            assert found[0] == right[0]
            np.testing.assert_array_equal(found[1], right[1])
    for photograph in exact.manifest.photographs:
        assert index.path(photograph) == exact.path(photograph)
    np.testing.assert_array_equal(index.code(2), exact.code(2))
    rows, scores = index.search_rows(queries[0], 4)
    np.testing.assert_array_equal(rows, exact.search_rows(queries[0], 4)[0])
    assert [index.photograph(row) for row in rows] == exact.search(queries[0], 4)[0]
    for right, found in zip(
        exact.search_corrected(queries, 4, queries, 3.0),
        index.search_corrected(queries, 4, queries, 3.0),
    ):
        assert found[0] == right[0]


def test_new_changed_moved_touched_and_gone_photographs(folder, store, tmp_path):
    report = update_index(folder, store(), ColourModel())
    assert counts(report) == [20, 0, 0, 0, 20]
    check_answers(folder, store, tmp_path)
    before = state(store)
    assert counts(update_index(folder, store(), ColourModel())) == [0, 0, 0, 20, 0]
    assert state(store) == before

    change(folder / "000.png")
    change(folder / "new.png", (1, 250, 6))
    (folder / "sea" / "001.png").unlink()
    (folder / "sea" / "004.png").rename(folder / "moved.png")
    os.utime(folder / "003.png", ns=(1, 1))
    report = update_index(folder, store(), ColourModel())
    assert counts(report) == [2, 1, 2, 17, 2]
    assert report.recovered == 0
    check_answers(folder, store, tmp_path)


def test_equal_photographs_stand_in_the_order_of_their_names(folder, store, tmp_path):
    for number in range(40):
        change(folder / f"copy {number:02d}.png")
    update_index(folder, store(), ColourModel())
    check_answers(folder, store, tmp_path)
    code = ColourModel().encode_pixels(ColourModel().pixels(folder / "copy 00.png")[None])[0]
    found, _ = opened(store).search(code, 5)
    assert [photograph.path for photograph in found] == [f"copy {n:02d}.png" for n in range(5)]


def test_another_folder_is_added_and_names_may_be_any_bytes(folder, store, tmp_path):
    strange = tmp_path / "more"
    strange.mkdir()
    with open(os.fsencode(strange) + b"/\xff'\"\\.png", "wb") as file:
        file.write((folder / "000.png").read_bytes())
    update_index(folder, store(), ColourModel())
    report = update_index([folder, strange], store(), ColourModel())
    assert counts(report) == [1, 0, 0, 20, 0]  # a copy is not encoded again
    names = [photograph.path for photograph, _ in opened(store)._listed]
    assert "more/\udcff'\"\\.png" in names and "photos/000.png" in names
    with pytest.raises(InputError, match="not of .*choose another --collection, or give --force"):
        update_index(folder, store(), ColourModel())


def test_the_collection_knows_its_checkpoint(folder, store, tmp_path):
    update_index(folder, store(), ColourModel())
    assert store().checkpoint().endswith("colours.ckpt")
    other = ColourModel(fingerprint="e" * 64)
    with pytest.raises(InputError, match="^the collection t.* was made with .*fingerprint ffff"):
        update_index(folder, store(), other)
    report = update_index(folder, store(), other, force=True)
    assert report.encoded == 20
    names = MilvusCollection(*store()._given)._client.list_collections()
    assert len([name for name in names if name.startswith(store()._given[1] + "_codes_")]) == 1
    assert opened(store).manifest.origin.encoding.fingerprint == "e" * 64


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_encoded_before_an_error_is_taken_over(folder, store, tmp_path, error):
    def stop(encoded):
        if encoded:
            raise error

    with pytest.raises(error):
        update_index(folder, store(), ColourModel(before_batch=stop))
    with pytest.raises(InputError, match="has no index of photographs in a collection"):
        opened(store)
    report = update_index(folder, store(), ColourModel())
    assert (report.recovered, report.encoded, report.new) == (16, 4, 20)
    check_answers(folder, store, tmp_path)


@pytest.mark.parametrize("step", ["write", "remove_gone"])
def test_a_crash_at_the_end_is_mended_by_the_next_run(folder, store, tmp_path, step, monkeypatch):
    update_index(folder, store(), ColourModel())
    change(folder / "000.png")
    (folder / "003.png").unlink()
    owner = MilvusCollection if step == "write" else milvus_store.CollectionJournal

    def crash(*arguments):
        raise SystemError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(owner, step, crash)
        with pytest.raises(SystemError):
            update_index(folder, store(), ColourModel())
    if step == "write":
        assert len(opened(store)) == 20  # what a reader finds is what was
        assert {photograph.path for photograph, _ in opened(store)._listed} >= {"003.png"}
    assert update_index(folder, store(), ColourModel()).encoded == 0
    check_answers(folder, store, tmp_path)


@pytest.mark.parametrize(
    "options, said",
    [({"dtype": "float16"}, "holds float32 alone"), ({"approximate": True}, "is searched exactly")],
)
def test_what_a_collection_cannot_do_is_said(folder, store, options, said):
    with pytest.raises(InputError, match=said):
        update_index(folder, store(), ColourModel(), **options)
    with pytest.raises(InputError, match="measure cosine alone"):
        update_index(folder, store(), ColourModel(measure="order"))


def test_a_collection_of_something_else_is_left_alone(folder, store, uri):
    from vsepp.index.milvus_index import MilvusIndex

    index = MilvusIndex(uri, 4, store()._given[1])
    index.add([1], np.ones((1, 4), np.float32))
    encoded = []
    with pytest.raises(InputError, match="holds something else: choose another collection"):
        update_index(folder, store(), ColourModel(before_batch=encoded.append), force=True)
    assert encoded == []
    names = MilvusCollection(*store()._given)._client.list_collections()
    assert not [name for name in names if name.startswith(store()._given[1] + "_codes_")]
    assert len(MilvusIndex(uri, 4, store()._given[1])) == 1


def test_a_damaged_record_is_one_sentence(folder, store):
    update_index(folder, store(), ColourModel())
    collection = MilvusCollection(*store()._given)
    for text in ("nonsense", json.dumps({"format": "x"}), "[]", "{}"):
        collection._of_index().put([7], np.ones((1, 2), np.float32), [{"index": text}])
        with pytest.raises(InputError, match="is damaged .*--force"):
            opened(store)
    assert update_index(folder, store(), ColourModel(), force=True).total == 20
    assert len(opened(store)) == 20


def test_to_ask_makes_nothing_and_names_what_would(store, uri, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="typo.db does not exist: make .* --uri typo.db`"):
        MilvusPhotographs("typo.db")
    assert list(tmp_path.iterdir()) == []
    closed, close = [], MilvusCollection.close
    with monkeypatch.context() as patch:
        patch.setattr(MilvusCollection, "close", lambda found: closed.append(close(found)))
        with pytest.raises(InputError, match="has no index .* --collection holiday`"):
            MilvusPhotographs(uri, "holiday")
    assert closed == [None]


KILLED = """
import os, signal, sys, threading
sys.path.insert(0, {tests!r})
from colour_model import ColourModel
from vsepp.index import updating
from vsepp.index.milvus_store import MilvusStore
import milvus_lite, pymilvus
updating.FLUSH_COUNT = 16
threading.Timer({seconds}, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
updating.update_index({folder!r}, MilvusStore({uri!r}), ColourModel())
os._exit(0)
"""


@pytest.mark.slow
def test_killed_again_and_again_it_ends_the_same(tmp_path):
    """In a process of its own: Milvus Lite's file belongs to the process that opened it."""
    draw_photographs(tmp_path / "photos", 2000)
    folder, uri = tmp_path / "photos", str(tmp_path / "killed.db")
    generator = np.random.default_rng(0)
    killed, ended = 0, False
    for change_number in range(3):
        change(folder / "000.png", (change_number, 0, 0))
        (folder / f"sea/{1 + 3 * change_number:03d}.png").unlink()
        ended = False
        while not ended:
            seconds = (1 + killed) * generator.random()  # whatever the machine's speed
            code = KILLED.format(
                tests=str(TESTS), folder=str(folder), uri=uri, seconds=float(seconds)
            )
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
            ended = done.returncode == 0
            assert ended or done.returncode == -signal.SIGKILL, done.stderr
            killed += not ended
    assert killed >= 5
    store, fresh = (lambda: MilvusStore(uri)), (lambda: MilvusStore(uri, "fresh"))
    assert counts(update_index(folder, store(), ColourModel())) == [0, 0, 0, 1997, 0]
    update_index(folder, fresh(), ColourModel())
    assert state(store) == state(fresh)
    check_answers(folder, store, tmp_path)
