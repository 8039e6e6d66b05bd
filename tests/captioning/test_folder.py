"""Folders of photographs: tables and files beside them, interrupted, resumed and refused."""

import csv
import errno
import json
import os
import shutil

import pytest
from captioning.colour_captioner import ColourCaptioner, WarmRetrieval
from conftest import draw_picture

from vsepp import InputError
from vsepp.captioning import tables, xmp
from vsepp.captioning.folder import caption_photographs, look_into
from vsepp.captioning.making import Maker
from vsepp.captioning.options import Decoding

NAMES = ["a/blue.png", "a/green.png", "b.png", "c.png", "red.png"]
SENTENCES = {
    "a/blue.png": "a blue picture",
    "a/green.png": "a green picture",
    "b.png": "a blue picture",
    "c.png": "a green picture",
    "red.png": "a red picture",
}


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    colours = {"b": "blue", "c": "green"}
    for name in NAMES:
        stem = name.split("/")[-1].partition(".")[0]
        draw_picture(folder / name, colours.get(stem, stem), "square", (40, 36))
    return folder


def run(photos, *arguments, model=None, keep=1, chooser=None, decoding=None, choice=(), **options):
    model = model or ColourCaptioner()
    decoding = decoding or Decoding(captions=keep)
    found = look_into([photos], *choice)
    return caption_photographs(found, Maker(model, decoding, keep, chooser), *arguments, **options)


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_table_has_a_row_for_every_photograph(photos, tmp_path):
    before = files(photos)

    outcome = run(photos, tmp_path / "out.csv")

    rows = read_csv(tmp_path / "out.csv")
    assert {row["file"]: row["caption"] for row in rows} == SENTENCES
    assert [row["file"] for row in rows] == NAMES
    assert {row["log_probability"] for row in rows} == {"-1.2846"}
    assert (outcome.captioned, outcome.rows, outcome.kept) == (5, 5, 0)
    assert sum(outcome.parts.values()) == outcome.found.files == 5
    assert files(photos) == before


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_what_others_read_it_as(suffix, photos, tmp_path):
    """As a table of captions is read that is prepared for training."""
    from vsepp.data.captions.columns import find_columns

    run(photos, tmp_path / f"out.{suffix}", keep=3)
    with open(tmp_path / f"out.{suffix}", encoding="utf-8") as file:
        names = next(csv.reader(file)) if suffix == "csv" else list(json.loads(next(file)))
    assert {"filename": 0, "caption": 1}.items() <= find_columns(names).items()


def test_several_sentences_and_their_similarities(photos, tmp_path):
    keywords = dict(keep=2, chooser=WarmRetrieval("green"), decoding=Decoding(captions=3))
    run(photos, tmp_path / "out.csv", **keywords)
    run(photos, tmp_path / "out.jsonl", **keywords)

    row = read_csv(tmp_path / "out.csv")[-1]
    assert row["file"] == "red.png" and row["caption"] == "a green picture"
    assert (row["similarity"], row["similarity_2"]) == ("1.0", "0.25")
    line = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[-1])
    assert line["file"] == "red.png" and line["captions"] == [row["caption"], row["caption_2"]]
    assert line["similarities"] == [1.0, 0.25]
    assert line["log_probabilities"] == [
        float(row["log_probability"]),
        float(row["log_probability_2"]),
    ]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("stop_after", range(5))
def test_an_interrupted_run_goes_on_where_it_was(suffix, stop_after, photos, tmp_path, monkeypatch):
    from vsepp.captioning import folder

    monkeypatch.setattr(folder, "MANY", 2)
    run(photos, tmp_path / f"whole.{suffix}")
    out = tmp_path / f"out.{suffix}"
    with pytest.raises(KeyboardInterrupt):
        run(photos, out, "txt", model=ColourCaptioner(stop_after=stop_after))
    assert not out.exists()

    again = ColourCaptioner()
    outcome = run(photos, out, "txt", model=again)

    done = stop_after // 2 * 2
    assert (again.seen, outcome.kept, outcome.captioned) == (5 - done, done, 5 - done)
    assert out.read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    beside = {name.replace(".png", ".txt"): f"{text}\n" for name, text in SENTENCES.items()}
    assert {name: (photos / name).read_text() for name in beside} == beside


def test_a_line_that_is_half_written_is_cut_off(photos, tmp_path):
    out, journal = tmp_path / "out.csv", tmp_path / "out.csv.journal"
    run(photos, out)
    whole, expected = journal.read_bytes(), out.read_bytes()
    out.unlink()
    lines = whole.splitlines(keepends=True)
    for cut in (10, len(lines[0]) - 1, len(lines[0]), len(lines[0]) + 9, len(whole) - 3):
        journal.write_bytes(whole[:cut])
        model = ColourCaptioner()
        run(photos, out, model=model)
        assert out.read_bytes() == expected
        assert model.seen == 5 - max(0, whole[:cut].count(b"\n") - 1)
        out.unlink()


def test_another_run_does_what_is_new_or_changed(photos, tmp_path):
    out = tmp_path / "out.csv"
    run(photos, out)
    written = os.stat(out).st_mtime_ns
    model = ColourCaptioner()
    assert run(photos, out, model=model).kept == 5
    assert model.seen == 0 and os.stat(out).st_mtime_ns == written

    (photos / "c.png").unlink()
    draw_picture(photos / "b.png", "red", "disc", (50, 40))
    draw_picture(photos / "new.png", "red", "disc")
    outcome = run(photos, out, model=model)

    assert model.seen == 2 and (outcome.captioned, outcome.kept, outcome.rows) == (2, 3, 5)
    found = {row["file"]: row["caption"] for row in read_csv(out)}
    changed = {"b.png": "a red picture", "new.png": "a red picture"}
    assert found == {**{k: v for k, v in SENTENCES.items() if k != "c.png"}, **changed}


@pytest.mark.parametrize(
    "other, said",
    [
        (
            dict(model=ColourCaptioner(fingerprint="a" * 64)),
            "checkpoint of fingerprint ffffffffffff, not of",
        ),
        (dict(decoding=Decoding(beam=3)), "beam 5, not 3"),
        (dict(keep=2), "captions 1, not 2"),
        (dict(decoding=Decoding(captions=5), chooser=WarmRetrieval()), "rerank none, not a model"),
    ],
)
@pytest.mark.parametrize("finished", [True, False])
def test_what_was_begun_otherwise_is_refused(finished, other, said, photos, tmp_path):
    out = tmp_path / "out.csv"
    if finished:
        run(photos, out)
    else:
        with pytest.raises(KeyboardInterrupt):
            run(photos, out, model=ColourCaptioner(stop_after=3))
    before = files(tmp_path)

    with pytest.raises(InputError, match=f"out.csv was begun with {said}.*--force") as refused:
        run(photos, out, **other)
    assert str(refused.value).count(". ") == 0 and files(tmp_path) == before

    outcome = run(photos, out, force=True, **other)
    assert (outcome.captioned, outcome.kept) == (5, 0) and len(read_csv(out)) == 5


def test_a_run_that_captioned_nothing_binds_none(photos, tmp_path):
    out, journal = tmp_path / "out.csv", tmp_path / "out.csv.journal"
    with pytest.raises(KeyboardInterrupt):
        run(photos, out, model=ColourCaptioner(stop_after=0))
    assert not journal.exists()

    run(photos, out)
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])  # as a kill leaves it
    out.unlink()
    assert run(photos, out, decoding=Decoding(beam=3)).captioned == 5


def test_two_runs_at_once(photos, tmp_path):
    out = tmp_path / "out.csv"
    with tables.Table(out, {}, 1):
        with pytest.raises(InputError, match="another process is writing .*out.csv"):
            run(photos, out)
    assert run(photos, out).rows == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "out.csv",
        "out.csv.journal",
        "photos",
    ]


def test_a_name_that_is_no_text_stands_there_with_escapes(photos, tmp_path):
    odd = os.fsencode(photos) + b"/\xff.png"
    try:
        os.rename(photos / "red.png", odd)
    except OSError:
        pytest.skip("the file system takes no such names")
    for name in ("out.csv", "out.jsonl"):
        assert run(photos, tmp_path / name, "xmp", force=True).escaped == 1
        assert run(photos, tmp_path / name).kept == 5
    assert r"\udcff.png,a red picture" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    lines = map(json.loads, (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines())
    assert os.fsdecode(b"\xff.png") in [line["file"] for line in lines]
    assert os.path.exists(odd + b".xmp")


def test_another_folder_is_refused(photos, tmp_path):
    run(photos, tmp_path / "out.csv")
    shutil.copytree(photos, tmp_path / "others")
    with pytest.raises(InputError, match="begun with the folder .*photos, not .*others"):
        run(tmp_path / "others", tmp_path / "out.csv")


@pytest.mark.parametrize("begun", [True, False])
def test_a_table_of_others_or_edited_is_not_written_over(begun, photos, tmp_path):
    out = tmp_path / "out.csv"
    if begun:
        run(photos, out)
    edited = "file,caption\nred.png,a much better sentence\n"
    out.write_text(edited)
    draw_picture(photos / "new.png", "red", "disc")

    with pytest.raises(InputError, match="out.csv was not written by this command, or was changed"):
        run(photos, out)
    assert out.read_text() == edited
    with pytest.raises(KeyboardInterrupt):  # and with --force, once is enough
        run(photos, out, force=True, model=ColourCaptioner(stop_after=0))
    assert out.read_text() == edited
    assert run(photos, out).rows == 6 and len(read_csv(out)) == 6


def test_a_full_disk_is_named_and_costs_nothing(photos, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    run(photos, tmp_path / "whole.csv")

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(tables, "write_bytes", full)
        with pytest.raises(OSError) as error:
            run(photos, out)
    assert error.value.filename == str(out) and not out.exists()
    model = ColourCaptioner()
    run(photos, out, model=model)
    assert model.seen == 0 and out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_journal_that_takes_half_a_line_is_mended(photos, tmp_path, monkeypatch):
    from vsepp.captioning import journal

    written = []

    def full(file, data):
        written.append(1)
        if len(written) == 4:
            file.write(data[:20])
            raise OSError(errno.ENOSPC, "No space left on device")
        file.write(data)

    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_all", full)
        with pytest.raises(OSError) as error:
            run(photos, tmp_path / "out.csv")
    assert error.value.filename == str(tmp_path / "out.csv.journal")
    model = ColourCaptioner()
    run(photos, tmp_path / "out.csv", model=model)
    assert model.seen == 3 and len(read_csv(tmp_path / "out.csv")) == 5


def test_what_cannot_be_read_is_named_and_tried_again(photos, tmp_path):
    (photos / "broken.jpg").write_bytes(b"no picture")
    (photos / "note.doc").write_bytes(b"?")

    outcome = run(photos, tmp_path / "out.csv")

    assert outcome.unreadable == [("broken.jpg", outcome.unreadable[0][1])]
    assert outcome.unreadable[0][1].startswith("is empty or not an image")
    assert outcome.rows == 5 and sum(outcome.parts.values()) == outcome.found.files == 7
    draw_picture(photos / "broken.png", "red", "disc")
    (photos / "broken.png").rename(photos / "broken.jpg")
    assert run(photos, tmp_path / "out.csv").rows == 6


def test_nothing_to_read_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty holds no photographs: give another folder"):
        run(tmp_path / "empty", tmp_path / "out.csv")
    with pytest.raises(InputError, match="none does not exist"):
        run(tmp_path / "none", tmp_path / "out.csv")
    (tmp_path / "empty" / "broken.jpg").write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of the 1 photographs .* can be read; of broken.jpg"):
        run(tmp_path / "empty", tmp_path / "out.csv", "txt")
    assert not (tmp_path / "out.csv").exists()


def test_patterns_leave_out_and_take_in(photos, tmp_path):
    draw_picture(photos / "@eaDir" / "thumb.png", "red", "disc")

    outcome = run(photos, tmp_path / "out.csv", choice=(["a"], ["@eaDir"]))

    found = [row["file"] for row in read_csv(tmp_path / "out.csv")]
    assert found == ["@eaDir/thumb.png", "b.png", "c.png", "red.png"]
    assert outcome.found.excluded == {"a": 2} and sum(outcome.parts.values()) == 6


# ---- files beside photographs ----------------------------------------------------------------


def texts(folder, kind):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob(f"*.{kind}")
    }


def test_a_text_file_beside_every_photograph(photos):
    before = files(photos)

    outcome = run(photos, None, "txt", keep=2)

    found = files(photos)
    assert {name: found[name] for name in before} == before  # the photographs
    assert len(found) == 10 and found["a/blue.txt"].decode().splitlines()[0] == "a blue picture"
    assert found["a/blue.txt"].count(b"\n") == 2 and outcome.sidecars.written == 5


def test_a_text_file_that_is_there_stays(photos):
    (photos / "red.txt").write_text("mine")
    model = ColourCaptioner()

    outcome = run(photos, None, "txt", model=model)

    assert (photos / "red.txt").read_text() == "mine" and model.seen == 4
    assert outcome.sidecars.passed_over == {str(photos / "red.txt"): "it is there already"}
    assert outcome.left == 1 and sum(outcome.parts.values()) == outcome.found.files
    assert run(photos, None, "txt", force=True).sidecars.written == 5
    assert (photos / "red.txt").read_text() == "a red picture\n"


def test_two_photographs_of_one_text_file(photos):
    draw_picture(photos / "red.bmp", "blue", "square")

    outcome = run(photos, None, "txt", force=True)

    assert (photos / "red.txt").read_text() == "a blue picture\n"  # of red.bmp
    ((name, why),) = outcome.sidecars.passed_over.items()
    assert name.endswith("red.txt of red.png") and why == "it is beside red.bmp, too"
    assert len(texts(photos, "txt")) == 5


def test_an_xmp_file_beside_every_photograph(photos):
    draw_picture(photos / "red.bmp", "blue", "square")
    run(photos, None, "xmp", keep=2)

    assert sorted(texts(photos, "xmp")) == sorted(f"{name}.xmp" for name in [*NAMES, "red.bmp"])
    found = xmp.read((photos / "red.png.xmp").read_bytes())
    assert found.description.splitlines()[0] == SENTENCES["red.png"]
    assert len(found.description.splitlines()) == 2


def test_our_own_xmp_files_are_known_again(photos):
    with pytest.raises(KeyboardInterrupt):
        run(photos, None, "xmp", model=ColourCaptioner(stop_after=0))
    run(photos, None, "xmp")
    before, model = texts(photos, "xmp"), ColourCaptioner()

    for force in (False, True):
        outcome = run(photos, None, "xmp", model=model, force=force)
        assert (model.seen, outcome.sidecars.there, outcome.sidecars.written) == (0, 5, 0)
    other = run(photos, None, "xmp", model=model, keep=2)
    assert model.seen == 0 and len(other.sidecars.passed_over) == 5
    assert texts(photos, "xmp") == before
    assert run(photos, None, "xmp", keep=2, force=True).sidecars.written == 5
    run(photos, None, "xmp", force=True)
    assert texts(photos, "xmp") == before  # as if nothing had been between


def test_a_description_that_its_owner_mended_stays(photos):
    run(photos, None, "xmp")
    path = photos / "red.png.xmp"
    mended = path.read_bytes().replace(b"a red picture", b"my red square")
    path.write_bytes(mended)

    outcome = run(photos, None, "xmp")
    assert path.read_bytes() == mended and list(outcome.sidecars.passed_over) == [str(path)]
    assert run(photos, None, "xmp", force=True).sidecars.written == 1
    assert xmp.read(path.read_bytes()).description == "a red picture"


def test_a_photograph_that_changed_has_its_xmp_anew_when_wanted(photos):
    run(photos, None, "xmp")
    draw_picture(photos / "red.png", "blue", "disc")
    later = (photos / "red.png.xmp").stat().st_mtime_ns + 10**9
    os.utime(photos / "red.png", ns=(later, later))

    assert len(run(photos, None, "xmp").sidecars.passed_over) == 1
    assert run(photos, None, "xmp", force=True).sidecars.merged == 1
    assert xmp.read((photos / "red.png.xmp").read_bytes()).description == "a blue picture"


def test_another_program_s_xmp(photos):
    theirs = xmp.document("their words", "").replace(b"vsepp:captioned", b"vsepp:rating")
    (photos / "red.png.xmp").write_bytes(theirs)
    (photos / "b.png.xmp").write_bytes(b"no xmp at all")
    (photos / "c.png.xmp").mkdir()

    outcome = run(photos, None, "xmp")
    assert (photos / "red.png.xmp").read_bytes() == theirs
    assert len(outcome.sidecars.passed_over) == 3 and outcome.sidecars.written == 2

    outcome = run(photos, None, "xmp", force=True)
    assert (photos / "b.png.xmp").read_bytes() == b"no xmp at all"
    assert "it is no XML" in outcome.sidecars.passed_over[str(photos / "b.png.xmp")]
    assert outcome.sidecars.merged == outcome.sidecars.written == 1
    after = (photos / "red.png.xmp").read_bytes()
    assert xmp.read(after).description == "a red picture" and b"vsepp:rating" in after


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_passed_over(photos, tmp_path):
    (tmp_path / "elsewhere.txt").write_text("mine")
    (photos / "red.txt").symlink_to(tmp_path / "elsewhere.txt")

    outcome = run(photos, None, "txt", force=True)

    assert (tmp_path / "elsewhere.txt").read_text() == "mine" and (photos / "red.txt").is_symlink()
    assert "a link" in outcome.sidecars.passed_over[str(photos / "red.txt")]


def test_a_table_gives_the_files_beside_photographs_what_it_has(photos, tmp_path):
    run(photos, tmp_path / "out.csv")
    model = ColourCaptioner()
    run(photos, tmp_path / "out.csv", "txt", model=model)
    assert model.seen == 0 and len(texts(photos, "txt")) == 5
