"""``vsepp train``: what was prepared is not said again, and what is printed runs."""

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import COLOURS, SHAPES, draw_picture, sentences_about
from tiny import hardly_drawn

from vsepp import load_checkpoint
from vsepp.checkpoint import save_checkpoint
from vsepp.cli.command import run
from vsepp.cli.eval import main as evaluate
from vsepp.cli.features import main as features
from vsepp.cli.infer import main as infer
from vsepp.cli.main import main as console
from vsepp.cli.prepare import main as prepare
from vsepp.cli.report import main as report
from vsepp.cli.search import main as search
from vsepp.cli.train import main as train
from vsepp.training.run_folder import RunFolder

TINY = """\
image_model: shufflenet_v2_x0_25
pretrained: false
finetuned: false
resize: 36
image_size: 32
word_dim: 8
embed_size: 16
batch_size: 8
num_epochs: 1
evaluate_step: 3
workers: 0
device: cpu
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a table of captions, its photographs, and a configuration."""
    folder = tmp_path_factory.mktemp("train")
    lines = ["filename,caption,split"]
    for number, split in enumerate(["train"] * 12 + ["val"] * 4 + ["test"] * 4):
        colour, shape = list(COLOURS)[number % len(COLOURS)], SHAPES[number % len(SHAPES)]
        draw_picture(folder / "photos" / f"{number}.png", colour, shape)
        lines += [f"{number}.png,{words},{split}" for words in sentences_about(colour, shape)]
    (folder / "mine.csv").write_text("\n".join(lines))
    (folder / "tiny.yml").write_text(TINY)
    return folder


def prepare_it(place):
    options = ["--captions-per-image", "2", "--min-word-count", "0", "--max-len", "9"]
    data = ["--captions", place / "mine.csv", "--images", place / "photos"]
    return prepare([str(word) for word in [*data, *options, "--data-dir", "my data"]])


@pytest.fixture
def here(place, tmp_path, monkeypatch):
    """Arguments for a tool, in a folder of the test's own with the data set prepared."""
    monkeypatch.chdir(tmp_path)
    assert prepare_it(place) == 0
    return ["--dataset", "mine", "--data-dir", "my data", "-c", str(place / "tiny.yml")]


def words_of(line):
    """The arguments of a command that was printed."""
    python, tool, *words = shlex.split(line)
    assert python == "python" and tool.startswith("tools/")
    return words


def test_what_prepare_printed_trains_and_what_training_printed_answers(here, place, capsys):
    assert prepare_it(place) == 0  # once more: that it is prepared, and what is next
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("Next: ")
    arguments = words_of(line[len("Next: ") :])
    assert arguments == ["--dataset", "mine", "--data-dir", "my data"]

    best = "-o 'best_checkpoint=my model/best.ckpt' 'last_checkpoint=my model/last.ckpt'"
    assert train([*arguments, "-c", str(place / "tiny.yml"), *shlex.split(best)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("next: python tools/infer.py --dataset mine --data-dir 'my data' ")

    assert infer(words_of(last[len("next: ") :])) == 0
    assert "written to answer.png" in capsys.readouterr().out and Path("answer.png").exists()


def test_checkpoint_and_record_hold_what_was_prepared_and_others_resume(here):
    assert train(here) == 0
    path = "model/vsepp/last_mine.ckpt"
    contents = load_checkpoint(path)
    config = contents["config"]
    assert [config[key] for key in ("captions_per_image", "max_len", "min_word_count")] == [2, 9, 0]
    (record,) = Path("runs/mine").glob("*/config.yml")
    assert "\nmax_len: 9\n" in record.read_text()

    config.update(max_len=30, min_word_count=5)  # as trainings that were not told have stored it
    contents.pop("format"), contents.pop("fingerprint")
    save_checkpoint(path, **contents)
    assert train([*here, "-o", "checkpoint=last", "num_epochs=2"]) == 0
    assert load_checkpoint(path)["config"]["max_len"] == 9


def test_a_contradiction_is_refused_by_every_tool_alike(here, capsys):
    assert train(here) == 0
    for tool, more in (
        (train, []),
        (evaluate, []),
        (report, []),
        (features, []),
        (infer, ["--text", "a red square"]),
        (search, ["query", "--image", "x.png"]),
    ):
        sub, more = more[:1] if tool is search else [], more[1:] if tool is search else more
        if tool is search:
            draw_picture(Path("x.png"), "red", "square")
        capsys.readouterr()
        assert run(tool, [*sub, *here, *more, "-o", "max_len=30"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: max_len: my data/mine was prepared with 9"), tool
        assert error.count("\n") == 1


def test_a_stopped_training_prints_the_command_that_goes_on(here, monkeypatch, capsys):
    stopped = ["-o", "last_checkpoint=my model/last.ckpt", "num_epochs=2", "log_step=1"]
    log = RunFolder.log

    def stop_at_the_second_step(folder, line):
        log(folder, line)
        if "step 2/" in line:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "log", stop_at_the_second_step)
        assert run(train, [*here, *stopped]) == 130
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("go on: python tools/train.py --dataset mine --data-dir 'my data' ")
    assert load_checkpoint("my model/last.ckpt")["step"] < 6

    assert train(words_of(line[len("go on: ") :])) == 0
    assert load_checkpoint("my model/last.ckpt")["step"] == 6


def test_seeds_end_in_a_table_with_mean_and_spread_and_go_on_by_the_command_printed(
    here, monkeypatch, capsys
):
    log = RunFolder.log

    def stop_in_the_second_run(folder, line):
        log(folder, line)
        if "step 2/" in line and "seed: 2" in (folder.path / "config.yml").read_text():
            signal.raise_signal(signal.SIGINT)

    with hardly_drawn(), monkeypatch.context() as patched:
        patched.setattr(RunFolder, "log", stop_in_the_second_run)
        assert run(train, [*here, "-o", "log_step=1", "--seeds", "1", "2"]) == 130
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("go on: python tools/train.py ") and "checkpoint" not in line

    with hardly_drawn():
        assert train(words_of(line[len("go on: ") :])) == 0

    printed = capsys.readouterr().out
    assert "seed 1 was trained before: model/vsepp/best_mine_seed1.ckpt" in printed
    assert "Mean ± sample standard deviation of 2 runs." in printed
    summary = json.loads(Path("model/vsepp/best_mine.mine_test_seeds.json").read_text())
    rsums = [row["test rsum"] for row in summary["seeds"]]
    assert summary["rsum"]["mean"] == pytest.approx(sum(rsums) / 2)
    best = max(summary["seeds"], key=lambda row: row["validation rsum"])["checkpoint"]
    assert f"--checkpoint {best} " in printed.splitlines()[-1]


def test_json_on_the_output_is_json_though_the_codes_cannot_be_kept(here, monkeypatch, capsys):
    assert train(here) == 0
    draw_picture(Path("x.png"), "red", "square")
    capsys.readouterr()

    def refused(path, *_):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("vsepp.retrieval.gallery.write_tensors", refused)
    assert run(search, ["query", *here, "--image", "x.png", "--json", "-"]) == 0

    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["answers"]) == 8
    assert "could not be kept beside the checkpoint (Read-only file system)" in captured.err


def test_the_console_script_does_the_same(here, capsys):
    assert console(["train", *here]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("next: vsepp infer --dataset mine ")


def test_help_loads_no_paddle():
    code = (
        "import sys\nfrom vsepp.cli.main import COMMANDS, main\n"
        "for name in COMMANDS:\n"
        "    try: main([name, '-h'])\n"
        "    except SystemExit: pass\n"
        "sys.exit('paddle' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True).returncode == 0
    )
