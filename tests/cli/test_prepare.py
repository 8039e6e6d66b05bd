"""``tools/prepare.py`` from the outside: what it chooses, what it writes, what it refuses."""

import functools
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from vsepp.cli import prepare
from vsepp.data import sample
from vsepp.system.errors import InputError

ROOT = Path(prepare.__file__).resolve().parents[2]
NAMES = [f"{number}.jpg" for number in range(6)]
SPLITS = ["train", "train", "train", "train", "val", "test"]


def jpeg(number):
    file = io.BytesIO()
    Image.new("RGB", (12 + number, 10), (40 * number, 80, 120)).save(file, "JPEG")
    return file.getvalue()


def karpathy(dataset, word="dog"):
    """Six images with two captions each."""
    images = []
    for number, (name, split) in enumerate(zip(NAMES, SPLITS)):
        sentences = [
            {
                "tokens": ["a", adjective, word],
                "raw": f"A {adjective} {word}.",
                "imgid": number,
                "sentid": 2 * number + place,
            }
            for place, adjective in enumerate(("big", "small"))
        ]
        images.append(
            {
                "imgid": number,
                "filename": name,
                "split": split,
                "sentences": sentences,
                "sentids": [sentence["sentid"] for sentence in sentences],
            }
        )
    return {"dataset": dataset, "images": images}


def write_captions(path, dataset="pets", word="dog"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(karpathy(dataset, word)))
    return path


def write_images(folder, names=NAMES):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(jpeg(int(Path(name).stem)))
    return folder


def write_zip(path, captions=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(NAMES):
            archive.writestr(f"Images/{name}", jpeg(number))
        if captions:
            archive.writestr(f"text/dataset_{captions}.json", json.dumps(karpathy(captions)))
    return path


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    """An empty working folder, an empty home, and a sample of few pictures."""
    for name in ("here", "home"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    few = functools.partial(sample.draw_sample, train=4, val=2, test=2)
    monkeypatch.setattr(sample, "draw_sample", few)


@pytest.fixture
def run(capsys):
    """A function that runs the command and returns the lines that it prints."""

    def run(*arguments):
        assert prepare.main([str(argument) for argument in arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return run


def prepared(folder):
    return json.loads(Path(folder, "prepared.json").read_text(encoding="utf-8"))


def times(folder):
    return {path: path.stat().st_mtime_ns for path in Path(folder).iterdir() if path.is_file()}


def test_a_bare_machine_gets_the_sample(run):
    lines = run()
    assert lines[0].startswith("Data set sample: drawn by the package, because data/flickr8k does")
    assert lines[-1] == "Next: python tools/train.py"
    assert prepared("data/sample")["splits"]["train"]["images"] == 4


@pytest.fixture
def parsed(monkeypatch):
    """How often each JSON with sentences was parsed, by its text."""
    counts, decode = Counter(), json.JSONDecoder.decode

    def counted(decoder, text, *more):
        counts[text] += '"sentences"' in text
        return decode(decoder, text, *more)

    monkeypatch.setattr(json.JSONDecoder, "decode", counted)
    return lambda: sorted(filter(None, counts.values()))


@pytest.mark.parametrize("kind", ["found", "sample", "captions", "mounted"])
def test_the_json_is_parsed_once(run, parsed, kind):
    arguments = ["--captions-per-image", 2, "--min-word-count", 0]
    if kind == "sample":
        sample.draw_sample(Path("data/sample"))
        arguments = ["--dataset", "sample"]
    elif kind == "captions":
        write_captions(Path("pets.json"))
        arguments += ["--captions", "pets.json", "--images", write_images(Path("photos"))]
    elif kind == "mounted":
        write_zip(Path("data/data7/flickr8k.zip"))
        write_captions(Path("data/flickr8k/dataset_flickr8k.json"), "flickr8k")
        write_images(Path("data/flickr8k/images"), NAMES[:2])
    else:
        write_captions(Path("data/flickr8k/dataset_flickr8k.json"), "flickr8k")
        write_images(Path("data/flickr8k/images"))
    run(*arguments)

    assert parsed() == [1]


def test_the_sample_is_drawn_once(run):
    run()
    before = times("data/sample/images")
    lines = run("--dataset", "sample")
    assert lines[0] == "Data set sample: its files are in data/sample, as asked for."
    assert times("data/sample/images") == before


def test_a_lost_picture_of_the_sample_is_drawn_again(run):
    run()
    lost = next(Path("data/sample/images").iterdir())
    lost.unlink()
    run()
    assert lost.exists()


def test_flickr8k_in_its_folder_comes_first(run):
    write_captions(Path("data/flickr8k/dataset_flickr8k.json"), "flickr8k")
    write_images(Path("data/flickr8k/images"))
    write_zip(Path("data/data9/flickr8k.zip"), "flickr8k")
    lines = run("--min-word-count", 1)
    assert lines[0] == "Data set flickr8k: its files are in data/flickr8k."
    assert lines[-1] == "Next: python tools/train.py"
    vocabulary = json.loads(Path("data/flickr8k/vocab.json").read_text(encoding="utf-8"))
    assert list(vocabulary)[1:-3] == ["a", "big", "dog", "small"]


@pytest.mark.parametrize("place", ["here", "home"])
def test_then_the_mounted_archive(run, tmp_path, place):
    write_zip(tmp_path / place / "data/data9/flickr8k.zip", "flickr8k")
    lines = run()
    assert lines[0].startswith("Data set flickr8k: from the mounted archive ")
    assert prepared("data/flickr8k")["splits"]["train"]["images"] == 4
    assert run()[0] == "Data set flickr8k: its files are in data/flickr8k."


def test_the_mounted_archive_fills_up_what_an_interrupted_run_left(run):
    write_zip(Path("data/data9/flickr8k.zip"))
    write_captions(Path("data/flickr8k/dataset_flickr8k.json"), "flickr8k")
    write_images(Path("data/flickr8k/images"), NAMES[:2])
    run()
    assert sorted(path.name for path in Path("data/flickr8k/images").iterdir()) == NAMES


def test_a_mounted_archive_without_captions_asks_for_them(run):
    write_zip(Path("data/data9/flickr8k.zip"))
    with pytest.raises(InputError, match="flickr8k.zip.*--captions"):
        run()


def test_captions_and_images_make_a_data_set_named_by_the_json(run, tmp_path):
    captions = write_captions(tmp_path / "any.json", "birds")
    images = write_images(tmp_path / "photos")
    lines = run("--captions", captions, "--images", images)
    assert lines[0] == (
        f"Data set birds: from --captions {captions} and --images {images}; the captions are "
        "a Karpathy JSON (its images have sentences with tokens)."
    )
    assert lines[-1] == "Next: python tools/train.py --dataset birds"
    assert Path("data/birds/dataset_birds.json").read_bytes() == captions.read_bytes()
    data = json.loads(Path("data/birds/train_data.json").read_text(encoding="utf-8"))
    assert [Path(path).name for path in data["IMAGES"]] == NAMES[:4]
    assert all(Path(path).exists() for path in data["IMAGES"])


def test_a_table_makes_a_data_set_named_by_the_file(run, tmp_path):
    table = tmp_path / "holiday.csv"
    table.write_text("filename,caption\n" + "".join(f"{name},A big dog\n" for name in NAMES))
    run("--captions", table, "--images", write_zip(tmp_path / "photos.zip"))
    counts = {name: split["images"] for name, split in prepared("data/holiday")["splits"].items()}
    assert counts == {"train": 4, "val": 1, "test": 1}


def test_dataset_and_data_dir_say_where(run, tmp_path):
    lines = run(
        "--captions",
        write_captions(tmp_path / "a.json"),
        "--dataset",
        "mine",
        "--images",
        write_images(tmp_path / "photos"),
        "--data-dir",
        tmp_path / "my data",
        "--captions-per-image",
        2,
        "-o",
        "max_len=7",
    )
    assert (tmp_path / "my data/mine/dataset_mine.json").exists()
    assert prepared(tmp_path / "my data/mine")["options"]["captions_per_image"] == 2
    assert lines[-1] == (
        f"Next: python tools/train.py --dataset mine --data-dir '{tmp_path / 'my data'}'"
    )


def test_images_of_an_archive_bring_their_captions(run, tmp_path):
    lines = run("--images", write_zip(tmp_path / "all.zip", "pets"))
    assert lines[0].startswith("Data set pets: from --images")


def test_what_is_prepared_with_the_same_options_stays(run, tmp_path):
    arguments = (
        "--captions",
        write_captions(tmp_path / "a.json"),
        "--images",
        write_images(tmp_path / "photos"),
    )
    run(*arguments)
    before = times("data/pets")
    for again in (arguments, ("--dataset", "pets")):
        assert run(*again)[1] == (
            "data/pets is prepared with these options already; it is left as it is."
        )
    assert times("data/pets") == before


@pytest.mark.parametrize(
    "option, message",
    [
        (("--min-word-count", 1), "min_word_count 5 instead of 1"),
        (("--seed", 8), "seed 0 instead of 8"),
        (("-o", "max_len=9"), "max_len 30 instead of 9"),
    ],
)
def test_other_options_need_force(run, tmp_path, option, message):
    arguments = (
        "--captions",
        write_captions(tmp_path / "a.json"),
        "--images",
        write_images(tmp_path / "photos"),
    )
    run(*arguments)
    before = times("data/pets")
    with pytest.raises(InputError, match=f"data/pets is prepared with {message},.*--force"):
        run(*arguments, *option)
    assert times("data/pets") == before
    run(*arguments, *option, "--force")
    run(*arguments, *option)


def test_other_captions_need_force(run, tmp_path):
    images = write_images(tmp_path / "photos")
    run("--captions", write_captions(tmp_path / "a.json"), "--images", images)
    other = write_captions(tmp_path / "b.json", word="cat")
    with pytest.raises(InputError, match="with other captions.*--force"):
        run("--captions", other, "--images", images)
    assert "dog" in Path("data/pets/dataset_pets.json").read_text()
    run("--captions", other, "--images", images, "--force")
    assert "cat" in Path("data/pets/dataset_pets.json").read_text()


def test_force_prepares_anew_what_is_damaged(run, tmp_path):
    run("--images", write_zip(tmp_path / "all.zip", "pets"))
    good = Path("data/pets/vocab.json").read_bytes()
    Path("data/pets/vocab.json").write_text("{")
    run("--dataset", "pets", "--force")
    assert Path("data/pets/vocab.json").read_bytes() == good


@pytest.mark.parametrize("name", ["vocab.json", "val_data.json", "prepared.json"])
def test_a_missing_file_is_written_again(run, tmp_path, name):
    run("--images", write_zip(tmp_path / "all.zip", "pets"))
    Path("data/pets", name).unlink()
    run("--dataset", "pets")
    assert Path("data/pets", name).exists()


def test_images_that_turn_up_later_join_without_force(run, tmp_path):
    captions = write_captions(tmp_path / "a.json")
    run("--captions", captions, "--images", write_images(tmp_path / "some", NAMES[1:]))
    assert prepared("data/pets")["splits"]["train"]["left_out"] == 1
    run("--captions", captions, "--images", write_images(tmp_path / "all"))
    assert prepared("data/pets")["splits"]["train"]["left_out"] == 0


def test_images_that_get_lost_are_not_dropped_silently(run, tmp_path):
    run("--images", write_zip(tmp_path / "all.zip", "pets"))
    Path("data/pets/images/0.jpg").unlink()
    with pytest.raises(InputError, match="lost images .*1 are missing.*--images"):
        run("--dataset", "pets")
    run("--images", tmp_path / "all.zip")
    assert Path("data/pets/images/0.jpg").exists()


def test_strict_refuses_images_that_cannot_be_decoded(run, tmp_path):
    images = write_images(tmp_path / "photos")
    (images / "2.jpg").write_bytes(b"no picture")
    arguments = ("--captions", write_captions(tmp_path / "a.json"), "--images", images)
    with pytest.raises(InputError, match="2.jpg"):
        run(*arguments, "--strict")
    run(*arguments)
    with pytest.raises(InputError, match="2.jpg"):
        run(*arguments, "--strict")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The address of an archive with captions, and the archive."""
    monkeypatch.setenv("no_proxy", "*")
    path = write_zip(tmp_path / "web/all.zip", "pets")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=path.parent))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/all.zip", path
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_download_is_checked_kept_and_used(run, served):
    url, path = served
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    lines = run("--download", url, "--sha256", checksum)
    kept = Path("data/downloads/all.zip")
    assert lines[0].startswith(f"Data set pets: from --download {url}, kept as {kept}; the cap")
    assert kept.read_bytes() == path.read_bytes()
    path.unlink()
    assert "left as it is" in run("--download", url)[1]


def test_a_download_may_lack_what_the_other_options_give(run, served, tmp_path):
    url, path = served
    captions = write_captions(tmp_path / "a.json", "other", word="cat")
    run("--download", url, "--captions", captions)
    assert prepared("data/other")["splits"]["train"]["images"] == 4


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset", "coco"], "coco does not hold dataset_coco.json.*--captions FILE"),
        (["--captions", "a.json"], "a.json does not exist"),
        (["--captions", ""], "--captions is empty"),
        (["--precomp", ""], "--precomp is empty"),
        (["--images", "photos"], "photos does not exist: check --images"),
        (["--images", "."], "holds no dataset_flickr8k.json.*--captions"),
        (["--dataset", "../up"], "'../up' is no folder name"),
        (["--sha256", "0" * 64], "give --download URL"),
        (["--max-len", "0"], "max_len must be at least 1"),
        (["-o", "maxlen=3"], "the nearest is 'max_len'"),
        (["--download", "file:///etc/passwd"], "is no web address"),
    ],
)
def test_mistakes_are_named(run, arguments, message):
    with pytest.raises(InputError, match=message):
        run(*arguments)


def test_captions_without_images_ask_for_them(run, tmp_path):
    with pytest.raises(InputError, match="--images PATH"):
        run("--captions", write_captions(tmp_path / "a.json"))


def test_a_name_in_the_json_cannot_choose_another_folder(run, tmp_path):
    captions = write_captions(tmp_path / "a.json", "../../up")
    with pytest.raises(InputError, match="give one of letters, digits"):
        run("--captions", captions, "--images", write_images(tmp_path / "photos"))


def test_the_tool_itself_answers_help_and_exits_with_2_on_a_mistake(tmp_path):
    def tool(*arguments):
        return subprocess.run(
            [sys.executable, ROOT / "tools/prepare.py", *arguments],
            text=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
            capture_output=True,
        )

    assert "--captions-per-image" in tool("-h").stdout
    wrong = tool("--dataset", "coco")
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: ") and wrong.stderr.count("\n") == 1
    code = (
        "import sys, vsepp.cli.prepare\nsys.exit(bool({'numpy', 'paddle', 'PIL'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
