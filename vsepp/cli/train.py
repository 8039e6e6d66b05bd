"""``vsepp train``."""

import os
import sys

from vsepp.cli.command import Interrupted, parser
from vsepp.cli.datasets import configuration, dataset_words
from vsepp.cli.importing import import_paddle
from vsepp.cli.train_seeds import train_all
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.launched import process_count, process_number

DESCRIPTION = """Train on a prepared data set.

Without arguments: flickr8k when it is prepared, else the sample, with the data set's own
configuration. `-c NAME_paper` and `-c NAME_paper_finetune` are the authors' two stages.
`-o checkpoint=last` resumes exactly where a run stopped. How the captions were prepared need not
be said again."""

_LOOKED_AT = 200  # sentences, of which one becomes the example


def main(argv=None):
    """Train; returns the exit status."""
    commands = parser(DESCRIPTION)
    commands.add_argument(
        "--seeds",
        nargs="+",
        type=int,
        metavar="SEED",
        help="a run for each, one after the other, and mean and spread of their scores; the same "
        "command goes on where it was interrupted",
    )
    arguments = commands.parse_args(argv)
    if arguments.seeds and process_count() > 1:
        raise InputError(
            "--seeds trains one run after the other in one process: with several, launch a run for "
            "each seed, with -o seed=1 and checkpoints of its own."
        )
    if process_number():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # the leader says it
    config = configuration(arguments)
    import_paddle()
    from vsepp.training.starting import with_model_of_init_from

    config, said = with_model_of_init_from(config)
    if said:
        print(said)
    if arguments.seeds:
        try:
            config = train_all(config, arguments.seeds)
        except (KeyboardInterrupt, SystemExit, Interrupted):
            print(f"go on: {command('train', *_words(argv))}")
            raise
    else:
        _train(config, argv)
    print(f"next: {_next_command(config)}")
    return 0


def _train(config, argv):
    from vsepp.training import train

    last = config.path("last_checkpoint")
    earlier = _written_at(last)
    try:
        train(config)
    except (KeyboardInterrupt, SystemExit):
        if _written_at(last) not in (None, earlier):
            print(f"go on: {_same_command(argv, last)}")
        raise


def _words(argv):
    return sys.argv[1:] if argv is None else argv


def _written_at(path):
    """When a file was last written; None where it is not there."""
    return path.stat().st_mtime_ns if path.exists() else None


def _same_command(argv, checkpoint):
    """The command that was given, going on from a checkpoint."""
    from vsepp.config import override

    return command("train", *_words(argv), "-o", override("checkpoint", str(checkpoint)))


def _next_command(config):
    """The command that asks the model which was trained, with what it understands."""
    if config.caption_model:
        return command("caption", *_model_words(config), "--image", _photograph(config))
    words = [*_model_words(config), *_question(config), "--save", "answer.png"]
    return command("infer", *words)


def _model_words(config):
    """The options that name a run's data set and its best model."""
    from vsepp.config import load_config

    words = dataset_words(config)
    best = config.path("best_checkpoint")
    if best != load_config(None, (), config.dataset).path("best_checkpoint"):
        words += ["--checkpoint", best]
    return words


def _photograph(config):
    """The first of the test split."""
    from vsepp.data.dataset import open_dataset
    from vsepp.data.splits import prepared_folder

    dataset = open_dataset(prepared_folder(config.data_dir, config.dataset), "test")
    return str(dataset.image_path(0))


def _question(config):
    """A sentence of the test split, with as few unknown words as possible, as options.

    Where the model knows no word of any, some of its own words; a photograph where it knows none.
    """
    from vsepp.data.dataset import open_dataset
    from vsepp.data.splits import prepared_folder
    from vsepp.text.vocabulary import SPECIAL_WORDS

    dataset = open_dataset(prepared_folder(config.data_dir, config.dataset), "test")
    special = {dataset.vocabulary.word_to_index[word] for word in SPECIAL_WORDS}
    seen = set()
    known = {}
    for caption, sentence in list(zip(dataset.captions, dataset.sentences()))[:_LOOKED_AT]:
        if sentence not in seen and not sentence.startswith("-"):  # that would be an option
            seen.add(sentence)
            known[sentence] = sum(index not in special for index in caption) / len(caption)
    best = max(known, key=known.get, default=None)
    if best is not None and known[best]:
        return "--text", best
    words = [word for word in dataset.vocabulary.words if word not in SPECIAL_WORDS]
    if words or not dataset.image_path(0).is_file():
        return "--text", " ".join(words[:3]) or "…"
    return "--image", str(dataset.image_path(0))
