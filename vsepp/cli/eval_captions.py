"""``vsepp eval`` of a captioner, or of captions that another program wrote."""

from vsepp.cli.caption_options import add_rerank_options, candidates_of
from vsepp.cli.checkpoints import decoding_options, open_captioner, open_chooser, path_of_any_kind
from vsepp.cli.datasets import configuration
from vsepp.cli.written_over import check_not_read
from vsepp.system.errors import InputError

#: options of ``eval`` that are of a retrieval model → what they are when they are not given
_OF_RETRIEVAL = {
    "folds": False,
    "ensemble": [],
    "equal_captions": "wrong",
    "hubness": None,
    "ranks": None,
}
_OF_CAPTIONS = ("results", "retrieve", "rerank", "candidates")


def add_arguments(commands):
    """The options that are of captions alone."""
    commands.add_argument(
        "--results",
        metavar="FILE.json",
        help="captions that another program wrote, as COCO's results JSON: score them",
    )
    commands.add_argument(
        "--retrieve",
        metavar="best|last|FILE",
        help="of a captioner: a retrieval model that looks for each image by its made sentence",
    )
    add_rerank_options(commands)


def is_meant(arguments):
    """Whether captions are to be scored: they are given, or the checkpoint is a captioner's."""
    if arguments.results:
        return True
    from vsepp.checkpoint import CAPTIONER, kind_of, read_header
    from vsepp.data.options import checked_folder

    config = configuration(arguments)
    checked_folder(config)  # without data, no checkpoint is to be asked for
    path = path_of_any_kind(arguments, config)
    arguments.checkpoint = str(path)  # which of several it is has been said, and is not again
    if kind_of(read_header(path)) == CAPTIONER:
        return True
    for name in _OF_CAPTIONS:
        if getattr(arguments, name) is not None:
            raise InputError(
                f"--{name} is of a captioner, and {path} is a retrieval model: give a captioner "
                "with --checkpoint, or leave it out."
            )
    return False


def main(arguments):
    """Score; returns the exit status."""
    for name, without in _OF_RETRIEVAL.items():
        if getattr(arguments, name) != without:
            raise InputError(
                f"--{name.replace('_', '-')} is of a retrieval model, and captions are scored: "
                "leave it out."
            )
    candidates_of(arguments)  # before anything is loaded
    config = configuration(arguments)
    from vsepp.captioning.results_json import write_results
    from vsepp.data.options import checked_folder
    from vsepp.data.prepared import Prepared
    from vsepp.report.caption_tables import caption_comparison_table, caption_table
    from vsepp.system.atomic import write_json

    prepared = Prepared(checked_folder(config))
    path, results_path = _destinations(arguments, config)
    # What else is named is opened first: a mistake there does not cost the captions.
    looking = open_chooser(arguments, config, arguments.retrieve) if arguments.retrieve else None
    other = _opened_other(arguments, config, prepared)
    scored = _of_results if arguments.results else _of_captioner
    dataset, sentences, result, plain = scored(arguments, config, prepared)
    if plain:
        print(caption_table(plain) + "\n")
    if arguments.intervals:
        result = result.with_intervals()
    print(caption_table(result))
    if plain:
        gain = result.compared_with(plain).comparison["differences"]
        print("\n" + caption_comparison_table(gain, "the likeliest of each image"))
    if arguments.compare:
        theirs, name = _result_of(other, arguments, config, prepared)
        result = result.compared_with(theirs)
        print("\n" + caption_comparison_table(result.comparison["differences"], name))
    content = result.to_dict()
    if looking is not None:
        content["retrieval"] = _retrieved(looking, arguments, prepared, sentences)
    write_json(path, content, indent=2)
    written = str(path)
    if not arguments.results:
        write_results(results_path, dataset.images, sentences)
        written += f", the captions to {results_path}"
    print(f"written to {written}")
    return 0


def _destinations(arguments, config):
    """(where the scores go, where the captions go); InputError where that would be over what is
    read."""
    from pathlib import Path

    source = Path(arguments.results or arguments.checkpoint)
    stem = f"{source.stem}.{config.dataset}_{arguments.split}"
    stem += "_rerank" if arguments.rerank else ""
    path = Path(arguments.json or source.with_name(f"{stem}.json"))
    results = path.with_suffix(".results.json")
    written = [path] if arguments.results else [path, results]
    read = [arguments.results or arguments.checkpoint, arguments.compare]
    read += [arguments.retrieve, arguments.rerank]
    for each in written:
        check_not_read(each, read, "--json")
    return path, results


def _of_results(arguments, config, prepared):
    """As :func:`_of_captioner`, of captions that another program wrote."""
    if arguments.rerank:
        raise InputError(
            "--rerank chooses among the sentences of a captioner, and --results has one of each "
            "image: leave one of them out."
        )
    if arguments.checkpoint != "best":
        raise InputError(
            "--results has the captions, and --checkpoint would make others: leave one of them "
            "out, or give the checkpoint with --compare."
        )
    return (*_read_results(arguments.results, arguments.split, prepared), None)


def _read_results(path, split, prepared):
    """(split, a sentence for each image, result)"""
    from vsepp.captioning.results_json import read_results
    from vsepp.captioning.scoring import CaptionScorer
    from vsepp.data.dataset import open_dataset

    dataset = open_dataset(prepared, split)
    read = read_results(path, dataset.images, split)
    scorer = CaptionScorer(dataset, prepared.tokenizer)
    return dataset, read.captions, scorer.score(read.captions, f"{path}, matched {read.matched}")


def _of_captioner(arguments, config, prepared):
    """(split, a sentence for each image, result, the result before a retrieval model chose or
    None) of the captioner that the arguments name."""
    from vsepp.captioning.evaluation import caption_split, scored
    from vsepp.captioning.making import asked_for

    model = open_captioner(arguments, config)
    chooser = open_chooser(arguments, config, arguments.rerank) if arguments.rerank else None
    options, candidates = decoding_options(arguments, config), candidates_of(arguments)
    decoding = asked_for(model.decoding(), options, captions=1, candidates=candidates)
    split = caption_split(model, prepared, arguments.split, decoding, quiet=False)
    plain = None
    if chooser is not None:
        from vsepp.captioning.reranking import rerank
        from vsepp.captioning.scoring import CaptionScorer

        gallery = _gallery(chooser, arguments, prepared)
        ranked = rerank(chooser, gallery.images, split.sentences)
        chosen = [[sentence for sentence, _ in of] for of in ranked]
        source = (
            f"{decoding.description}, of {decoding.captions} the nearest by {chooser.checkpoint}"
        )
        scorer = CaptionScorer(split.dataset, prepared.tokenizer)
        plain, split = split.result, scored(model, scorer, chosen, source)
    sentences = [made[0].sentence for made in split.sentences]
    return split.dataset, sentences, split.result, plain


def _opened_other(arguments, config, prepared):
    """What ``--compare`` names, or None: another captioner, or the result of a results JSON."""
    if not arguments.compare:
        return None
    if arguments.compare.endswith(".json"):
        return _read_results(arguments.compare, arguments.split, prepared)[2]
    return open_captioner(arguments, config, checkpoint=arguments.compare)


def _result_of(other, arguments, config, prepared):
    """(result, name) of what :func:`_opened_other` gave."""
    from vsepp.captioning.evaluation import caption_split
    from vsepp.captioning.model import CaptionModel

    if not isinstance(other, CaptionModel):
        return other, arguments.compare
    decoding = other.decoding(**decoding_options(arguments, config))
    split = caption_split(other, prepared, arguments.split, decoding, quiet=False)
    return split.result, f"{other.checkpoint} ({decoding.description})"


def _gallery(model, arguments, prepared):
    from vsepp.retrieval.gallery import open_gallery

    return open_gallery(model, prepared.folder, arguments.split)


def _retrieved(model, arguments, prepared, sentences):
    """Print how often a retrieval model finds an image by its sentence; returns it for JSON."""
    from vsepp.captioning.retrieving import find_again
    from vsepp.report.caption_tables import found_again_table

    gallery = _gallery(model, arguments, prepared)
    found = find_again(model, gallery, sentences)
    print("\n" + found_again_table(found, model.checkpoint, len(gallery.images)))
    return {"checkpoint": model.checkpoint, **found._asdict()}
