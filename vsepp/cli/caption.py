"""``vsepp caption``."""

import os

from vsepp.cli.caption_options import add_caption_options, maker_of
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration, is_asked_for
from vsepp.system.errors import InputError
from vsepp.system.printable import printable

DESCRIPTION = """Write sentences of a captioner's own for photographs, which are only read.

  %(prog)s --image FILE                              sentences for one photograph
  %(prog)s --image FILE --save FILE.png              and where each word looked
  %(prog)s --images FOLDER --out FILE.csv|.jsonl     a row for every photograph below a folder
  %(prog)s --images FOLDER --sidecars txt|xmp        a file beside every photograph

When the photograph is in the data set, its own descriptions are shown first. A run over a folder
that was interrupted goes on where it was, and one that was not does what is new or changed."""


def main(argv=None):
    """Caption; returns the exit status."""
    commands = parser(DESCRIPTION)
    given = commands.add_mutually_exclusive_group(required=True)
    given.add_argument("--image", metavar="FILE", help="one photograph")
    given.add_argument(
        "--images", nargs="+", metavar="FOLDER", help="every photograph below folders"
    )
    commands.add_argument(
        "--save", metavar="FILE.png", help="with --image: where each word looked, as a picture"
    )
    commands.add_argument(
        "--out",
        metavar="FILE.csv|.jsonl",
        help="with --images: a table (UTF-8) or lines of JSON; FILE.journal beside it is what the "
        "next run goes on from",
    )
    commands.add_argument(
        "--sidecars",
        choices=("txt", "xmp"),
        help="with --images: photo.txt, a sentence a line, or photo.jpg.xmp with a dc:description, "
        "beside every photo.jpg",
    )
    for option, what in (
        ("exclude", "leave out files and folders of this name (raw, '*.png', 'old/*.jpg')"),
        ("include", "take in what its name keeps out (@eaDir, '.*')"),
    ):
        commands.add_argument(
            f"--{option}",
            action="append",
            metavar="PATTERN",
            help=f"with --images: {what}; may be given again",
        )
    commands.add_argument(
        "--force",
        action="store_true",
        default=None,
        help="with --images: write over tables and files beside photographs that are there; into "
        "the XMP of another program the description is put, and the rest stays",
    )
    add_caption_options(commands)
    arguments = commands.parse_args(argv)
    _check(arguments)
    return _caption_one(arguments) if arguments.images is None else _caption_many(arguments)


def _check(arguments):
    """What does not go together."""
    one, many = "--image FILE", "--images FOLDER"
    for option, goes_with, is_with in (
        ("save", one, arguments.image),
        ("out", many, arguments.images),
        ("sidecars", many, arguments.images),
        ("exclude", many, arguments.images),
        ("include", many, arguments.images),
        ("force", many, arguments.images),
    ):
        if getattr(arguments, option) is not None and is_with is None:
            raise InputError(f"--{option} goes with {goes_with}: give that, or leave it away.")
    if arguments.images and not (arguments.out or arguments.sidecars):
        raise InputError(
            "--images needs a place for the sentences: give --out FILE.csv, or --sidecars txt."
        )


def _caption_one(arguments):
    from vsepp.cli.found_original import find_original
    from vsepp.data.images import open_image
    from vsepp.report.pictures import check_destination, save_picture
    from vsepp.report.tables import format_table

    image = arguments.image
    if os.path.isdir(image):
        raise InputError(f"{image} is a folder: give it with --images, or the file of one image.")
    open_image(image)  # before the model is loaded
    if arguments.save:
        check_destination(arguments.save, image)
    config = configuration(arguments)
    folder = _data_set(arguments, config)
    maker = maker_of(arguments, config)
    dataset = find_original(image, folder)[0] if folder else None
    # A photograph of the data set is opened as that says, one from elsewhere is turned.
    exif = dataset is None or dataset.exif
    pixels = maker.model.pixels(image, exif)
    (found,) = maker.answers([pixels], bool(arguments.save), [image], exif)
    answers = [answer for _, answer in found]
    rows = [[f"{each.log_probability:.2f}", each.sentence] for each in answers]
    headers = ["log-probability", "caption"]
    if maker.chooser is not None:
        rows = [[f"{each.similarity:.3f}", *row] for each, row in zip(answers, rows)]
        headers = ["similarity", *headers]
    print(f"Captions for {printable(image)}, of {printable(maker.model.checkpoint)}:")
    print(format_table(rows, headers, "r" * (len(headers) - 1) + "l"))
    if arguments.save:
        from vsepp.report.attention_picture import plot_attention

        best = found[0][0]
        preprocessing = maker.model.preprocessing
        picture = plot_attention(image, best.words, best.attention, preprocessing, exif)
        save_picture(picture, arguments.save)
        print(f"written to {arguments.save}")
    return 0


def _data_set(arguments, config):
    """The folder of the data set in which a photograph is looked for, or None: where none is asked
    for there need be none."""
    from vsepp.data.options import checked_folder

    is_prepared = os.path.exists(os.path.join(config.data_dir, config.dataset, "vocab.json"))
    return checked_folder(config) if is_prepared or is_asked_for(arguments) else None


def _caption_many(arguments):
    from vsepp.captioning.folder import caption_photographs, look_into
    from vsepp.cli.caption_outcome import outcome_lines
    from vsepp.report.label_tables import table_format

    if arguments.out:
        table_format(arguments.out)
    photographs = look_into(arguments.images, arguments.exclude or (), arguments.include or ())
    maker = maker_of(arguments, configuration(arguments))
    outcome = caption_photographs(
        photographs, maker, arguments.out, arguments.sidecars, bool(arguments.force), quiet=False
    )
    for line in outcome_lines(outcome, arguments.out):
        print(printable(line))
    return 0
