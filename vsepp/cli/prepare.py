"""``vsepp prepare``: choose a data set, put its files in place, prepare it."""

from pathlib import Path

from vsepp.cli.command import parser
from vsepp.cli.data_choice import SHORTCUTS, Settings, choose, dataset_folder
from vsepp.cli.datasets import usual_dataset
from vsepp.cli.kept_vocabulary import add_arguments as add_vocabulary
from vsepp.cli.kept_vocabulary import kept_vocabulary
from vsepp.data.orientation import CHOICES
from vsepp.system.invocation import command
from vsepp.text.tokens import AUTO, find_tokenizer

_DESCRIPTION = """\
Prepare a data set: vocabulary and split files from captions and photographs.

Without arguments: data/flickr8k when its files are there, else the archive that AI
Studio mounts (data/data*/flickr8k.zip here or in the home folder), else the sample, a
data set that the package draws itself."""


def _arguments(argv):
    result = parser(_DESCRIPTION)
    add = result.add_argument
    add(
        "--captions",
        nargs="+",
        metavar="FILE",
        help="one or several files, or a folder with name.txt beside name.jpg: Karpathy JSON, a "
        "table, or what Flickr8k, Flickr30k, COCO, their Chinese twins, AI Challenger, MUGE, "
        "ALBEF, BLIP and Hugging Face hand out; what a file holds tells which",
    )
    add(
        "--split-of",
        nargs="+",
        metavar="FILE=SPLIT",
        help="the split of a caption file, where its name does not say train, val or test",
    )
    add(
        "--splits",
        nargs="+",
        metavar="FILE",
        help="lists of the photographs in each split, as Flickr_8k.trainImages.txt, or a folder "
        "with them",
    )
    add(
        "--images",
        metavar="PATH",
        help="folder, .zip, .tar(.gz, .bz2, .xz) or base64 table with the photographs",
    )
    add(
        "--coco-annotations",
        nargs="+",
        metavar="FILE",
        help="in place of --captions: COCO's captions_train2014.json and captions_val2014.json",
    )
    add(
        "--coco-ids",
        metavar="FOLDER",
        help="their split: the authors' coco_{train,dev,test,restval}_ids.npy",
    )
    add(
        "--precomp",
        metavar="FOLDER",
        help="features in place of photographs: the authors' {train,dev,test}_ims.npy and "
        "_caps.txt",
    )
    add(
        "--download",
        metavar="URL",
        help="fetch an archive with photographs, and perhaps captions; continues where it stopped",
    )
    add("--sha256", metavar="HEX", help="what the checksum of the download must be")
    add("--captions-per-image", type=int, metavar="N", help="captions each image ends up with")
    add(
        "--min-word-count",
        type=int,
        metavar="N",
        help="a word is kept when it occurs more often than this outside test",
    )
    add_vocabulary(result)
    add("--max-len", type=int, metavar="N", help="longest caption kept, in words")
    add(
        "--tokenizer",
        default=AUTO,
        metavar="auto|words|treebank|jieba",
        help="what cuts captions into words: without marks, as the authors of VSE++ do, or Chinese "
        "(auto: jieba for Chinese captions, treebank for --precomp, else words; a Karpathy "
        "JSON's own tokens stay)",
    )
    add(
        "--exif",
        choices=tuple(CHOICES),
        default=AUTO,
        help="turn photographs as their EXIF orientation says, in training as in use (auto: what "
        "the data set is prepared with; at first yes, but no for a Karpathy JSON and --coco-ids, "
        "whose published results were not)",
    )
    add("--seed", type=int, metavar="N", help="everything random follows from it")
    add(
        "--force",
        action="store_true",
        help="prepare anew although the data set is prepared with other options",
    )
    add(
        "--strict",
        action="store_true",
        help="refuse images that cannot be decoded, instead of leaving them out",
    )
    return result.parse_args(argv)


def main(argv=None):
    """Prepare the data set that the arguments describe; returns the exit status."""
    arguments = _arguments(argv)
    if arguments.tokenizer != AUTO:
        find_tokenizer(arguments.tokenizer)
    vocabulary = kept_vocabulary(arguments)
    settings = Settings(arguments)
    choice = choose(arguments, settings)
    config = settings.of(choice.dataset)
    folder = dataset_folder(config, choice.dataset)
    print(f"Data set {choice.dataset}: {choice.reason}.", flush=True)
    for remark in choice.captions.remarks if choice.captions else ():
        print(remark, flush=True)
    with _alone(folder):
        _prepare(choice, config, folder, arguments, vocabulary)
    from vsepp.data.prepared import read_prepared
    from vsepp.data.training_images import lacks_validation

    splits = read_prepared(folder).get("splits", {})
    if lacks_validation(splits):
        print(
            f"{choice.dataset} has no validation images, by which training chooses its best "
            "checkpoint: say val of some that are train, or give the captions of train alone and "
            "without splits (they are divided 80/10/10 then), and prepare again with --force"
        )
        return 0
    print(f"Next: {_next_command(arguments, config, choice, splits)}")
    return 0


def _alone(folder):
    """The lock on a data set's folder, where anybody could write there."""
    import os
    from contextlib import nullcontext

    from vsepp.system.locks import only_one

    if folder.parent.exists() and not os.access(folder.parent, os.W_OK):
        return nullcontext()
    return only_one(
        folder.parent / f".{folder.name}.lock",
        f"another process is preparing {folder}: wait for its end, then run this again.",
    )


def _prepare(choice, config, folder, arguments, vocabulary):
    """Bring everything into the data set's folder, and say so where nothing is to be done."""
    from vsepp.data.existing_preparation import ExistingPreparation

    if choice.drawn:
        from vsepp.data.sample import draw_sample

        draw_sample(folder)
    earlier = None if arguments.force else ExistingPreparation.read(folder)
    kept = vocabulary.options() if vocabulary else {"new_words": False}
    options = {**{key: getattr(config, key) for key in SHORTCUTS}, **kept}
    prepare = _prepare_features if choice.features else _prepare_images
    if not prepare(choice, config, folder, arguments, vocabulary, earlier, options):
        print(f"{folder} is prepared with these options already; it is left as it is.")


def _positions(choice, config):
    """What ``create_dataset`` and ``create_precomputed`` take alike."""
    return (
        config.data_dir,
        choice.dataset,
        config.captions_per_image,
        config.min_word_count,
        config.max_len,
        config.seed,
    )


def _prepare_features(choice, config, folder, arguments, vocabulary, earlier, options):
    features = choice.features
    if earlier:
        if earlier.stays_with_words(arguments.tokenizer):
            features.tokenizer = "words"
        options = {**options, "tokenizer": features.tokenizer}
        earlier.refuse_other(options, features.captions_sha256, features.origin)
        if earlier.is_whole():
            return False
    from vsepp.data.precomp import create_precomputed

    create_precomputed(features, *_positions(choice, config), vocabulary=vocabulary)
    return True


def _prepare_images(choice, config, folder, arguments, vocabulary, earlier, options):
    from vsepp.data.preparation import create_dataset
    from vsepp.data.sources.data_files import DataFiles

    files = DataFiles(
        folder,
        choice.dataset,
        earlier,
        choice.captions,
        choice.content,
        arguments.tokenizer,
        CHOICES[arguments.exif],
    )
    if not files.bring(choice.images, options, arguments.strict):
        return False
    create_dataset(
        *_positions(choice, config),
        strict=arguments.strict,
        tokenizer=files.tokenizer,
        content=files.content,
        vocabulary=vocabulary,
        exif=files.exif,
    )
    return True


def _next_command(arguments, config, choice, splits):
    """The command that trains on what was prepared, or evaluates where there is nothing to train
    on, with the options that it needs to know."""
    from vsepp.config import PREPARED_KEYS, load_config, override
    from vsepp.data.training_images import for_evaluation_alone

    words = []
    if arguments.config:
        words += ["-c", arguments.config]
        default = load_config(arguments.config).dataset
    else:
        default = usual_dataset(config.data_dir)
    usual = load_config(arguments.config, (), config.dataset)
    if config.dataset != default:
        words += ["--dataset", config.dataset]
    if config.data_dir != usual.data_dir:
        words += ["--data-dir", config.data_dir]
    for key in PREPARED_KEYS:  # a configuration that was overruled would be refused
        if usual.gives(key) and getattr(usual, key) != getattr(config, key):
            words += ["-o", override(key, getattr(config, key))]
    if for_evaluation_alone(splits):
        return command("eval", *words, *(["--split", *splits] if "test" not in splits else []))
    if choice.features and usual.finetuned:
        words += ["-o", "finetuned=false"]
    if (
        arguments.vocab
        and Path(arguments.vocab).suffix != ".json"
        and Path(arguments.vocab).is_file()
    ):
        words += ["-o", override("init_from", arguments.vocab)]
    return command("train", *words)
