"""Which data set ``vsepp prepare`` is to prepare, and where its files come from."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from vsepp.cli.datasets import is_named, overrides
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO

SHORTCUTS = ("captions_per_image", "min_word_count", "max_len", "seed")


@dataclass
class DataChoice:
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


class Settings:
    """The configuration as given, for whichever data set is chosen in the end."""

    def __init__(self, arguments):
        self.name = arguments.config
        self.overrides = overrides(arguments)
        for key in SHORTCUTS:
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


def choose(arguments, settings):
    """Which data set the arguments mean, checked for what does not go together."""
    for option in ("captions", "splits", "images", "coco_ids", "precomp", "download"):
        given = getattr(arguments, option)
        if "" in (given if isinstance(given, list) else [given]):
            raise InputError(
                f"--{option.replace('_', '-')} is empty: give it a name, or leave it away."
            )
    photographs = arguments.images or arguments.download
    if (arguments.splits or arguments.split_of) and (arguments.coco_ids or arguments.precomp):
        raise InputError(
            "--splits and --split-of are for --captions: these data have splits of their own."
        )
    if (arguments.splits or arguments.split_of) and not (arguments.captions or photographs):
        raise InputError(
            "--splits and --split-of divide captions: give these with --captions or --images."
        )
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
    if arguments.precomp and arguments.exif != AUTO:
        raise InputError("--precomp brings no photographs to turn: leave --exif away.")
    if arguments.precomp:
        return _choose_precomp(arguments, settings)
    if arguments.captions or arguments.coco_ids or photographs:
        return _choose_given(arguments, settings)
    return _choose_found(arguments, settings)


def _choose_precomp(arguments, settings):
    """The data set of a folder with the authors' features."""
    from vsepp.data.precomp import Precomputed

    dataset = settings.dataset or Path(arguments.precomp).resolve().name
    dataset_folder(settings.given, dataset)
    features = Precomputed(arguments.precomp, arguments.tokenizer)
    settings.default("captions_per_image", features.captions_per_image)
    return DataChoice(dataset, f"features from --precomp {arguments.precomp}", features=features)


def dataset_folder(config, dataset):
    if not re.fullmatch(r"\w[\w.-]*", dataset):
        raise InputError(
            f"the data set's name {dataset!r} is no folder name: "
            "give one of letters, digits, - and _ with --dataset."
        )
    return Path(config.data_dir) / dataset


def _choose_found(arguments, settings):
    """The data set when nothing is given: what is in place, what is mounted, or the sample."""
    from vsepp.data.sources.placing import find_mounted

    dataset = settings.dataset or "flickr8k"
    folder = dataset_folder(settings.given, dataset)
    if dataset != "sample":
        mounted = find_mounted(dataset)
        there, content = _files_there(folder, dataset, all_images=mounted is not None)
        if there:
            return DataChoice(dataset, f"its files are in {folder}", content=content)
        if mounted:
            captions = _find_in(mounted, dataset, arguments, settings)
            if captions is None and not (folder / f"dataset_{dataset}.json").is_file():
                captions = _find_in(mounted.parent, dataset, arguments, settings)
            if captions is None and not (folder / f"dataset_{dataset}.json").is_file():
                raise InputError(
                    f"{mounted}, the mounted archive, holds no dataset_{dataset}.json"
                    ": give the captions with --captions FILE."
                )
            return DataChoice(
                dataset,
                f"from the mounted archive {mounted}, because {folder} does not hold all its files"
                + _what(captions),
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
    sample = dataset_folder(settings.given, "sample")
    there, content = _files_there(sample, "sample", all_images=True)
    how = f"its files are in {sample}" if there else "drawn by the package"
    why = (
        ", as asked for"
        if settings.dataset
        else (
            f", because {folder} does not hold the files of flickr8k and no flickr8k.zip is mounted"
        )
    )
    return DataChoice("sample", how + why, drawn=not there, content=content if there else None)


def _files_there(folder, dataset, all_images):
    """Whether the data set's own files are in its folder: the captions and some images, or all;
    and what the captions' JSON holds, where it had to be read for that."""
    json_path, images = folder / f"dataset_{dataset}.json", folder / "images"
    if not (json_path.is_file() and images.is_dir() and any(images.iterdir())):
        return False, None
    if not all_images:
        return True, None
    from vsepp.data.karpathy import parse_karpathy, read_karpathy_json
    from vsepp.data.sources.placing import missing_images

    content = read_karpathy_json(json_path)
    return not missing_images(parse_karpathy(content, str(json_path)), images), content


def _choose_given(arguments, settings):
    """The data set that --captions (or COCO's), --images and --download describe."""
    from vsepp.data.captions.captions import Captions
    from vsepp.data.captions.containers import is_container

    named = " ".join(arguments.captions or ())
    origin = [f"--captions {named}"] * bool(named)
    origin += ["--coco-annotations", f"--coco-ids {arguments.coco_ids}"] * bool(arguments.coco_ids)
    origin += [f"--images {arguments.images}"] * bool(arguments.images)
    images = Path(arguments.images) if arguments.images else None
    if images is not None and not images.exists():
        raise InputError(f"{images} does not exist: check --images.")
    paths = list(map(Path, arguments.captions or ()))
    if arguments.download:
        fetched = _download(arguments, settings)
        origin.append(f"--download {arguments.download}, kept as {fetched}")
        if _may_be_captions(fetched):
            paths = paths or [fetched]
        else:
            images = images or fetched
    if arguments.coco_ids:
        captions = Captions.read_coco(
            arguments.coco_annotations, arguments.coco_ids, arguments.tokenizer
        )
    elif paths:
        captions = _read(paths, images, arguments, settings)
    else:
        captions = _find_in(images, settings.dataset, arguments, settings)
    dataset = settings.dataset or (captions.dataset if captions else "flickr8k")
    folder = dataset_folder(settings.given, dataset)
    if captions is None and not (folder / f"dataset_{dataset}.json").is_file():
        raise InputError(
            f"{images} holds no dataset_{dataset}.json and no captions in another known format, "
            f"and {folder} no dataset_{dataset}.json: give the captions with --captions FILE."
        )
    if images is None and not (folder / "images").is_dir():
        if len(paths) == 1 and is_container(paths[0]):
            images = paths[0]  # which may hold the photographs, too
        else:
            raise InputError(
                f"{folder / 'images'} does not exist: give the photographs with --images PATH."
            )
    reason = "from " + " and ".join(origin)
    return DataChoice(dataset, reason + _what(captions), captions, images)


def _may_be_captions(path):
    """Whether a download is a file of captions rather than what holds photographs."""
    from vsepp.data.captions.finding import CAPTION_SUFFIXES
    from vsepp.data.sources.base64_tables import is_base64_table

    return path.suffix.lower() in CAPTION_SUFFIXES and not is_base64_table(path)


def _read(paths, images, arguments, settings):
    """Captions from the paths given; a name that is none is one of a file within --images."""
    from vsepp.data.captions.captions import Captions
    from vsepp.data.captions.containers import is_container

    options = _caption_options(arguments, settings)
    if len(paths) == 1 and not paths[0].exists() and images is not None and is_container(images):
        name = paths[0].as_posix()
        captions = Captions.find_in(images, tokenizer=arguments.tokenizer, name=name, **options)
        if captions is None:
            raise InputError(f"{name} does not exist, nor is it in {images}: check --captions.")
        return captions
    return Captions.read(paths, tokenizer=arguments.tokenizer, dataset=settings.dataset, **options)


def _find_in(path, dataset, arguments, settings):
    """Captions within a folder or an archive, or None."""
    from vsepp.data.captions.captions import Captions

    options = _caption_options(arguments, settings)
    return Captions.find_in(path, dataset, arguments.tokenizer, **options)


def _caption_options(arguments, settings):
    split_of = {}
    for item in arguments.split_of or ():
        name, sign, split = item.rpartition("=")
        if not sign or not name:
            raise InputError(
                f"--split-of {item!r} is no FILE=SPLIT: write it as captions_a.json=train."
            )
        split_of[name] = split
    return {"seed": settings.given.seed, "split_of": split_of, "splits": arguments.splits}


def _what(captions):
    """What the captions were taken for, as the end of the first line."""
    known = captions.recognised if captions else ""
    return f"; the captions are {known}" if known else ""


def _download(arguments, settings):
    from urllib.parse import unquote, urlsplit

    from vsepp.data.sources.download import download

    name = unquote(urlsplit(arguments.download).path).replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"[^\w.-]+", "_", name).lstrip(".") or "download"
    target = Path(settings.given.data_dir) / "downloads" / name
    return download(arguments.download, target, arguments.sha256)
