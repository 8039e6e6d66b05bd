"""What every tool shares: its arguments, its exit codes, its words for a mistake."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from vsepp.cli.command import parser, run
from vsepp.cli.datasets import configuration
from vsepp.system.errors import InputError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _own_process(monkeypatch):
    """Keep the test run's own signal handlers and environment."""
    monkeypatch.setattr("vsepp.system.threads.set_thread_variables", lambda: None)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raising(error):
    def main(argv):
        raise error

    return main


def configured(*argv):
    return configuration(parser("A tool.").parse_args(argv))


@pytest.mark.parametrize("returned, status", [(None, 0), (0, 0), (3, 3)])
def test_a_job_that_is_done_exits_with_0(returned, status):
    seen = []

    def main(argv):
        seen.append(argv)
        return returned

    assert run(main, ["--top-k", "5"]) == status
    assert seen == [["--top-k", "5"]]


def test_a_users_mistake_is_one_sentence_and_status_2(capsys):
    assert run(raising(InputError("vocab.json is missing: prepare it."))) == 2

    captured = capsys.readouterr()
    assert captured.err == "error: vocab.json is missing: prepare it.\n" and captured.out == ""


@pytest.mark.parametrize("error", (InputError, lambda text: OSError(errno.ENOENT, "", text)))
def test_a_message_is_one_line_whatever_a_file_is_called(capsys, error):
    assert run(raising(error("a\nb\x1b[2J\u202e.ckpt"))) == 2

    assert capsys.readouterr().err.startswith("error: a\\nb\\x1b[2J\\u202e.ckpt")


def test_ctrl_c_exits_with_130(capsys):
    assert run(raising(KeyboardInterrupt())) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_sigterm_cleans_up_and_exits_with_143(capsys):
    cleaned = []

    def main(argv):
        try:
            signal.raise_signal(signal.SIGTERM)
            while True:  # the handler runs at the next instruction
                pass
        finally:
            cleaned.append(True)

    assert run(main) == 143
    assert cleaned and "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="signals differ there")
@pytest.mark.parametrize(
    "first, status, said",
    [
        ("signal.raise_signal(signal.SIGINT)", 130, "Interrupted.\n"),
        ("signal.raise_signal(signal.SIGTERM)", 130, "Terminated.\n"),
        ("raise SystemExit(143)", 130, ""),
        ("return 0", 130, ""),
    ],
)
def test_a_second_ctrl_c_while_python_ends_shows_no_traceback(first, status, said):
    code = (
        "import atexit, signal, sys\n"
        "from vsepp.cli.command import run\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests
        "def interrupt():\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    for _ in range(9): pass\n"  # until Python 3.10 the handler waits for more of Python
        "atexit.register(interrupt)\n"
        f"def main(argv):\n    {first}\n"
        "sys.exit(run(main))"
    )

    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (process.returncode, process.stderr) == (status, said)


def test_a_caller_that_lives_on_keeps_its_handler_of_ctrl_c(capsys):
    before = signal.getsignal(signal.SIGINT)
    assert run(raising(KeyboardInterrupt()), []) == 130
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    "code, words",
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EDQUOT, "quota"),
        (errno.EISDIR, "it is a folder"),
        (errno.ENOTDIR, "a part of that path is a file"),
        (errno.EEXIST, "is in the way"),
        (errno.ENOENT, "no such file or folder"),
        (errno.ENAMETOOLONG, "name is too long"),
        (errno.EFBIG, "may not grow that large"),
    ],
)
def test_the_systems_refusals_name_the_file_and_the_way_out(capsys, code, words):
    assert run(raising(OSError(code, "…", "some/file"))) == 2

    message = capsys.readouterr().err
    assert message.startswith("error: some/file: ") and words in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("a bug"),
        ValueError("a bug"),
        KeyError("a bug"),
        OSError("a bug"),
        OSError(errno.ENOSPC, "no file name"),
        OSError(errno.EIO, "…", "some/file"),
        ModuleNotFoundError("No module named 'numpi'", name="numpi"),
    ],
)
def test_a_bug_keeps_its_traceback(error):
    with pytest.raises(type(error)) as caught:
        run(raising(error))

    assert caught.value is error


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("ResourceExhaustedError: Out of memory error on GPU 0.")]
)
def test_exhausted_memory_is_a_sentence(capsys, error):
    assert run(raising(error)) == 2

    assert "error: the memory is exhausted: set a smaller batch_size" in capsys.readouterr().err


def test_what_the_terminal_cannot_show_is_escaped():
    code = (
        "import sys; from vsepp.cli.command import run\n"
        "sys.exit(run(lambda argv: print('image \u2192 text')))"
    )

    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert (process.returncode, process.stderr) == (0, b"")
    assert process.stdout.split() == [b"image", b"\\u2192", b"text"]


@pytest.mark.parametrize("name", ["paddle", "paddle.nn"])
def test_without_paddle_one_sentence_says_how_to_get_it(capsys, name):
    assert run(raising(ModuleNotFoundError(f"No module named '{name}'", name=name))) == 2

    assert "pip install paddlepaddle" in capsys.readouterr().err


@pytest.mark.parametrize("lines", [1, 20_000])
def test_a_reader_that_goes_away_is_no_traceback_and_no_success(lines):
    code = (
        "import sys; from vsepp.cli.command import run\n"
        f"def main(argv):\n    for k in range({lines}): print(k)\n"
        "sys.exit(run(main))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}

    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait() == 141
    process.stderr.close()


def printing(redirection, **environment):
    code = "import sys; from vsepp.cli.command import run; sys.exit(run(lambda argv: print('x')))"
    return subprocess.run(
        ["sh", "-c", f'"$0" -c "$1" {redirection}', sys.executable, code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
    )


@pytest.mark.skipif(os.name == "nt", reason="no sh")
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_mistake(redirection):
    process = printing(redirection)

    assert (process.returncode, process.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_a_sentence(unbuffered):
    process = printing("> /dev/full", PYTHONUNBUFFERED=unbuffered)

    assert process.returncode == 2
    assert process.stderr.startswith(b"error: the output: no space is left")
    assert process.stderr.count(b"\n") == 1


def test_a_wrong_argument_exits_with_2_as_well(capsys):
    with pytest.raises(SystemExit) as caught:
        run(lambda argv: parser("A tool.").parse_args(argv), ["--datasett", "x"])

    assert caught.value.code == 2


def test_without_arguments_flickr8k_is_taken_when_it_is_prepared(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert configured().dataset == "sample"

    (tmp_path / "data" / "flickr8k").mkdir(parents=True)
    assert configured().dataset == "sample"  # there, but not prepared

    (tmp_path / "data" / "flickr8k" / "vocab.json").write_text("{}")
    config = configured()
    assert (config.dataset, config.image_model) == ("flickr8k", "resnet152")


@pytest.mark.parametrize("how", ["--data-dir", "-o"])
def test_the_choice_looks_where_the_data_are(tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "else" / "flickr8k").mkdir(parents=True)
    (tmp_path / "else" / "flickr8k" / "vocab.json").write_text("{}")
    given = ["--data-dir", "else"] if how == "--data-dir" else ["-o", "data_dir=else"]

    assert configured().dataset == "sample"
    assert configured(*given).dataset == "flickr8k"


@pytest.mark.parametrize(
    "argv, dataset",
    [
        (["--dataset", "pets"], "pets"),
        (["-o", "dataset=pets"], "pets"),
        (["-c", "coco"], "coco"),
        (["-c", "coco", "--dataset", "pets"], "pets"),
        (["--dataset", "cars", "-o", "dataset=pets"], "pets"),
        (["-c", "coco_paper"], "coco"),
    ],
)
def test_a_data_set_that_is_named_is_taken(tmp_path, monkeypatch, argv, dataset):
    monkeypatch.chdir(tmp_path)

    assert configured(*argv).dataset == dataset


def test_the_sample_brings_its_own_configuration_and_overrides_still_win(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    config = configured("-o", "margin=0.3", "batch_size=8", "-o", "seed=4")

    assert (config.dataset, config.image_size) == ("sample", 64)
    assert (config.margin, config.batch_size, config.seed) == (0.3, 8, 4)


@pytest.mark.parametrize("folder", ["it's here", 'a "b" \\ c', "2020", "数据", "a: b # c", "~"])
def test_a_data_folder_may_have_any_name(folder):
    assert configured("--data-dir", folder).data_dir == folder


def test_a_mistake_in_an_override_is_a_users_mistake(capsys):
    status = run(lambda argv: configured(*argv) and 0, ["-o", "margn=1"])

    assert status == 2
    assert "the nearest is 'margin'" in capsys.readouterr().err


@pytest.mark.parametrize("status", [0, 2, 143])
def test_leaving_says_all_and_takes_nothing_apart(status):
    code = (
        "import atexit\n"
        "from vsepp.cli.command import leave, run\n"
        "atexit.register(print, 'taken apart')\n"
        "print('all', end='')\n"
        f"leave({status})"
    )

    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)

    assert (process.returncode, process.stdout, process.stderr) == (status, "all", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_leaving_with_words_that_cannot_be_written_is_no_success():
    code = "from vsepp.cli.command import leave\nprint('all', end='')\nleave(0)"

    with open("/dev/full", "w") as full:
        process = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )

    assert (process.returncode, process.stderr) == (1, "")
