"""``vsepp prepare``: choose a data set, put its files in place, prepare it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from vsepp.cli.command import parser
from vsepp.cli.datasets import is_named, overrides, usual_dataset
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.text.tokens import AUTO, find_tokenizer

_DESCRIPTION = """\
Prepare a data set: vocabulary and split files from captions and photographs.

Without arguments: data/flickr8k when its files are there, else the archive that AI
Studio mounts (data/data*/flickr8k.zip here or in the home folder), else the sample, a
data set that the package draws itself."""

_SHORTCUTS = ("captions_per_image", "min_word_count", "max_len", "seed")


def _arguments(argv):
    result = parser(_DESCRIPTION)
    add = result.add_argument
    add(
        "--captions",
        metavar="FILE",
        help="Karpathy JSON, or CSV, TSV or JSONL with filename, caption and perhaps split",
    )
    add("--images", metavar="PATH", help="folder, .zip or .tar with the photographs")
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
    add("--max-len", type=int, metavar="N", help="longest caption kept, in words")
    add(
        "--tokenizer",
        default=AUTO,
        metavar="auto|words|treebank|jieba",
        help="what cuts captions into words: without marks, as the authors of VSE++ do, or Chinese "
        "(auto: jieba for Chinese captions, treebank for --precomp, else words; a Karpathy "
        "JSON's own tokens stay)",
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


@dataclass
class _Choice:
    """Which data set, where its files come from, and why.

    ``captions`` and ``images`` are None when those in the data set's folder are used; ``content``
    is what their JSON holds, where choosing took reading it.
    """

    dataset: str
    reason: str
    captions: Optional[object] = None
    images: Optional[Path] = None
    drawn: bool = False
    features: Optional[object] = None  # in place of both
    content: Optional[dict] = None


class _Settings:
    """The configuration as given, for whichever data set is chosen in the end."""

    def __init__(self, arguments):
        self.name = arguments.config
        self.overrides = overrides(arguments)
        for key in _SHORTCUTS:
            if getattr(arguments, key) is not None:
                self.overrides.append(f"{key}={getattr(arguments, key)}")
        self.given = self.of(arguments.dataset)
        self.dataset = self.given.dataset if is_named(arguments) else None

    def default(self, key, value):
        """Set a key where the arguments do not."""
        if not any(item.startswith(f"{key}=") for item in self.overrides):
            self.overrides.append(f"{key}={value}")

    def of(self, dataset):
        from vsepp.config import load_config

        return load_config(self.name, self.overrides, dataset)


def main(argv=None):
    """Prepare the data set that the arguments describe; returns the exit status."""
    arguments = _arguments(argv)
    if arguments.tokenizer != AUTO:
        find_tokenizer(arguments.tokenizer)
    settings = _Settings(arguments)
    choice = _choose(arguments, settings)
    config = settings.of(choice.dataset)
    folder = _folder(config, choice.dataset)
    print(f"Data set {choice.dataset}: {choice.reason}.", flush=True)
    with _alone(folder):
        _prepare(choice, config, folder, arguments)
    print(f"Next: {_next_command(arguments, config, choice)}")
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


def _prepare(choice, config, folder, arguments):
    """Bring everything into the data set's folder, and say so where nothing is to be done."""
    options = (
        config.data_dir,
        choice.dataset,
        config.captions_per_image,
        config.min_word_count,
        config.max_len,
        config.seed,
    )
    if choice.features:
        changed = not _is_in_place(choice.features, config, folder, arguments)
        if changed:
            from vsepp.data.precomp import create_precomputed

            create_precomputed(choice.features, *options)
    else:
        placed = _put_in_place(choice, config, folder, arguments)
        changed = placed is not None
        if changed:
            from vsepp.data.preparation import create_dataset

            tokenizer, content = placed
            create_dataset(*options, strict=arguments.strict, tokenizer=tokenizer, content=content)
    if not changed:
        print(f"{folder} is prepared with these options already; it is left as it is.")


def _choose(arguments, settings):
    """Which data set the arguments mean, checked for what does not go together."""
    for option in ("captions", "images", "coco_ids", "precomp", "download"):
        if getattr(arguments, option) == "":
            raise InputError(
                f"--{option.replace('_', '-')} is empty: give it a name, or leave it away."
            )
    photographs = arguments.images or arguments.download
    if arguments.sha256 and not arguments.download:
        raise InputError("--sha256 is the checksum of a download: give --download URL with it.")
    if bool(arguments.coco_annotations) != bool(arguments.coco_ids):
        raise InputError("--coco-annotations and --coco-ids belong together: give both.")
    if arguments.coco_ids and arguments.captions:
        raise InputError("--captions and --coco-annotations both give captions: choose one.")
    if arguments.precomp and (arguments.captions or arguments.coco_ids or photographs):
        raise InputError(
            "--precomp brings features and captions: leave out the options for "
            "captions and photographs."
        )
    if arguments.precomp:
        return _choose_precomp(arguments, settings)
    if arguments.captions or arguments.coco_ids or photographs:
        return _choose_given(arguments, settings)
    return _choose_found(arguments, settings)


def _choose_precomp(arguments, settings):
    """The data set of a folder with the authors' features."""
    from vsepp.data.precomp import Precomputed

    dataset = settings.dataset or Path(arguments.precomp).resolve().name
    _folder(settings.given, dataset)
    features = Precomputed(arguments.precomp, arguments.tokenizer)
    settings.default("captions_per_image", features.captions_per_image)
    return _Choice(dataset, f"features from --precomp {arguments.precomp}", features=features)


def _folder(config, dataset):
    if not re.fullmatch(r"\w[\w.-]*", dataset):
        raise InputError(
            f"the data set's name {dataset!r} is no folder name: "
            "give one of letters, digits, - and _ with --dataset."
        )
    return Path(config.data_dir) / dataset


def _choose_found(arguments, settings):
    """The data set when nothing is given: what is in place, what is mounted, or the sample."""
    from vsepp.data.sources import Captions, find_mounted

    dataset = settings.dataset or "flickr8k"
    folder = _folder(settings.given, dataset)
    if dataset != "sample":
        mounted = find_mounted(dataset)
        there, content = _files_there(folder, dataset, all_images=mounted is not None)
        if there:
            return _Choice(dataset, f"its files are in {folder}", content=content)
        if mounted:
            captions = Captions.find_in(mounted, dataset, arguments.tokenizer)
            if captions is None and not (folder / f"dataset_{dataset}.json").is_file():
                raise InputError(
                    f"{mounted}, the mounted archive, holds no dataset_{dataset}.json"
                    ": give the captions with --captions FILE."
                )
            return _Choice(
                dataset,
                f"from the mounted archive {mounted}, because {folder} does not hold all its files",
                captions,
                mounted,
                content=content,
            )
        if settings.dataset:
            raise InputError(
                f"{folder} does not hold dataset_{dataset}.json and images: "
                "give --captions FILE and --images PATH, or --precomp FOLDER (see "
                "data/README.md)."
            )
    sample = _folder(settings.given, "sample")
    there, content = _files_there(sample, "sample", all_images=True)
    how = f"its files are in {sample}" if there else "drawn by the package"
    why = (
        ", as asked for"
        if settings.dataset
        else (
            f", because {folder} does not hold the files of flickr8k and no flickr8k.zip is mounted"
        )
    )
    return _Choice("sample", how + why, drawn=not there, content=content if there else None)


def _files_there(folder, dataset, all_images):
    """Whether the data set's own files are in its folder: the captions and some images, or all;
    and what the captions' JSON holds, where it had to be read for that."""
    json_path, images = folder / f"dataset_{dataset}.json", folder / "images"
    if not (json_path.is_file() and images.is_dir() and any(images.iterdir())):
        return False, None
    if not all_images:
        return True, None
    from vsepp.data.karpathy import parse_karpathy, read_karpathy_json
    from vsepp.data.sources import missing_images

    content = read_karpathy_json(json_path)
    return not missing_images(parse_karpathy(content, str(json_path)), images), content


def _choose_given(arguments, settings):
    """The data set that --captions (or COCO's), --images and --download describe."""
    from vsepp.data.sources import Captions
    from vsepp.data.tables import CAPTION_SUFFIXES

    origin = [f"--captions {arguments.captions}"] * bool(arguments.captions)
    origin += ["--coco-annotations", f"--coco-ids {arguments.coco_ids}"] * bool(arguments.coco_ids)
    origin += [f"--images {arguments.images}"] * bool(arguments.images)
    captions_path = arguments.captions
    archive = images = Path(arguments.images) if arguments.images else None
    if images is not None and not images.exists():
        raise InputError(f"{images} does not exist: check --images.")
    if arguments.download:
        archive = _download(arguments, settings)
        origin.append(f"--download {arguments.download}, kept as {archive}")
        if archive.suffix.lower() in CAPTION_SUFFIXES:
            captions_path = captions_path or archive
        else:
            images = images or archive
    captions = None
    if arguments.coco_ids:
        captions = Captions.read_coco(
            arguments.coco_annotations, arguments.coco_ids, arguments.tokenizer
        )
    elif captions_path:
        captions = Captions.read(captions_path, settings.given.seed, arguments.tokenizer)
    elif archive.is_file():
        captions = Captions.find_in(archive, settings.dataset, arguments.tokenizer)
    dataset = settings.dataset or (captions.dataset if captions else "flickr8k")
    folder = _folder(settings.given, dataset)
    if captions is None and not (folder / f"dataset_{dataset}.json").is_file():
        raise InputError(
            f"{archive} holds no dataset_{dataset}.json, and neither does {folder}: "
            "give the captions with --captions FILE."
        )
    if images is None and not (folder / "images").is_dir():
        raise InputError(
            f"{folder / 'images'} does not exist: give the photographs with --images PATH."
        )
    return _Choice(dataset, "from " + " and ".join(origin), captions, images)


def _download(arguments, settings):
    from urllib.parse import unquote, urlsplit

    from vsepp.data.download import download

    name = unquote(urlsplit(arguments.download).path).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "download"
    target = Path(settings.given.data_dir) / "downloads" / name
    return download(arguments.download, target, arguments.sha256)


def _put_in_place(choice, config, folder, arguments):
    """Bring captions and images into the data set's folder.

    Returns the name of the captions' tokenizer, and what their JSON holds; None when nothing is
    to be done.
    """
    import hashlib

    from vsepp.data.existing_preparation import ExistingPreparation
    from vsepp.data.karpathy import parse_cut, read_karpathy_json
    from vsepp.data.preparation import PREPARED, mark_unfinished
    from vsepp.data.sources import missing_images, place_images

    if choice.drawn:
        from vsepp.data.sample import draw_sample

        draw_sample(folder)
    captions, tokenizer = choice.captions, arguments.tokenizer
    json_path = folder / f"dataset_{choice.dataset}.json"
    earlier = None if arguments.force else ExistingPreparation.read(folder)
    if _stays_with_words(earlier, tokenizer):
        captions, tokenizer = captions and captions.by_words(), "words"
    if captions:
        content, images, tokenizer = captions.content, captions.images, captions.tokenizer
    else:
        content = read_karpathy_json(json_path) if choice.content is None else choice.content
        images, tokenizer = parse_cut(content, str(json_path), tokenizer)
    if earlier:
        checksum = (
            captions.sha256 if captions else hashlib.sha256(json_path.read_bytes()).hexdigest()
        )
        earlier.refuse_other(_options(config, tokenizer), checksum)
    placed = place_images(images, choice.images, folder / "images") if choice.images else 0
    if earlier and not placed:
        missing = len(missing_images(images, folder / "images"))
        if missing > earlier.left_out:
            raise InputError(
                f"{folder / 'images'} has lost images since it was prepared "
                f"({missing} are missing): give them with --images PATH, or add "
                "--force to prepare the data set without them."
            )
        if earlier.is_whole() and not (arguments.strict and earlier.left_out):
            return None
    if captions:
        if (folder / PREPARED).exists():  # from here on it and the captions may not fit
            mark_unfinished(folder)
        captions.place(folder, choice.dataset)
    return tokenizer, content


def _stays_with_words(earlier, tokenizer):
    """Whether a data set was prepared before there was a choice, and no other is wanted now."""
    return earlier is not None and earlier.tokenizer is None and tokenizer in (AUTO, "words")


def _is_in_place(features, config, folder, arguments):
    """Whether given features are prepared already, with these options."""
    from vsepp.data.existing_preparation import ExistingPreparation

    earlier = None if arguments.force else ExistingPreparation.read(folder)
    if not earlier:
        return False
    if _stays_with_words(earlier, arguments.tokenizer):
        features.tokenizer = "words"
    earlier.refuse_other(
        _options(config, features.tokenizer), features.captions_sha256, features.origin
    )
    return earlier.is_whole()


def _options(config, tokenizer):
    return {**{key: getattr(config, key) for key in _SHORTCUTS}, "tokenizer": tokenizer}


def _next_command(arguments, config, choice):
    """The command that trains on what was prepared, with the options that it needs to know."""
    from vsepp.config import PREPARED_KEYS, load_config, override

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
    if choice.features and usual.finetuned:
        words += ["-o", "finetuned=false"]
    return command("train", *words)
