"""``vsepp infer``."""

import os

from vsepp.cli.checkpoints import add_arguments, open_model
from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration
from vsepp.cli.found_original import find_original
from vsepp.cli.infer_labels import add_label_arguments, answer_labels
from vsepp.system.errors import InputError

DESCRIPTION = """Ask a trained model: sentences for an image, images for a sentence, or labels.

  %(prog)s --image FILE                             sentences for an image
  %(prog)s --text "two dogs in the snow"            images for a sentence
  %(prog)s --image FILE|FOLDER --labels dog "a cat" how well each label fits

The sentences and images come from a split of the data set. The image may come from anywhere; when
it is in the data set, its own descriptions are shown first. Labels need no data set."""


def main(argv=None):
    """Answer one query; returns the exit status."""
    commands = parser(DESCRIPTION)
    add_arguments(commands)
    query = commands.add_mutually_exclusive_group(required=True)
    query.add_argument(
        "--image",
        metavar="FILE|FOLDER",
        help="find sentences for this image; with --labels also a folder of photographs",
    )
    query.add_argument("--text", metavar="SENTENCE", help="find images for this sentence")
    commands.add_argument("--top-k", type=int, metavar="K", help="how many answers (default: 5)")
    commands.add_argument("--save", metavar="FILE.png", help="the answer as a picture")
    add_label_arguments(commands)
    arguments = commands.parse_args(argv)
    if arguments.labels:
        return answer_labels(arguments)
    for option, given in (("--template", arguments.template), ("--out", arguments.out)):
        if given is not None:
            raise InputError(f"{option} goes with --labels: give labels, or leave it away.")
    if arguments.top_k is None:
        arguments.top_k = 5
    if arguments.top_k < 1:
        raise InputError(f"--top-k must be at least 1, not {arguments.top_k}.")
    config = configuration(arguments)
    from vsepp.data.options import checked_folder
    from vsepp.report.pictures import check_destination, save_picture

    if arguments.save:
        check_destination(arguments.save, arguments.image)
    folder = checked_folder(config)
    if arguments.image is not None:
        from vsepp.data.images import open_image

        if os.path.isdir(arguments.image):
            raise InputError(
                f"{arguments.image} is a folder: give --labels with it, or the file of one image."
            )
        open_image(arguments.image)  # before the model is loaded
    model = open_model(arguments, config)
    from vsepp.retrieval.gallery import open_gallery

    gallery = open_gallery(model, folder, arguments.split)
    answer = _answer_text if arguments.image is None else _answer_image
    picture = answer(arguments, model, gallery, folder)
    if arguments.save:
        save_picture(picture(), arguments.save)
        print(f"written to {arguments.save}")
    return 0


def _candidates(gallery, kind):
    dataset = gallery.dataset
    count = len(gallery.images) if kind == "images" else len(gallery.texts)
    return f"the {count} {kind} of {dataset.folder.name}'s {dataset.split} split"


def _answer_text(arguments, model, gallery, folder):
    from vsepp.report.pictures import draw_text_answer
    from vsepp.report.tables import format_table

    code = model.encode_text(arguments.text)[0]
    found, scores = gallery.find_images(code, arguments.top_k)
    paths = [gallery.dataset.image_path(image_id) for image_id in found]
    unknown = model.explain_unknown(arguments.text)
    if unknown:
        print(unknown)
    print(f'Images for "{arguments.text}", of {_candidates(gallery, "images")}:')
    names = [gallery.dataset.image_name(image_id) for image_id in found]
    print(
        format_table(
            [
                [rank, f"{score:.3f}", name]
                for rank, (score, name) in enumerate(zip(scores, names), 1)
            ],
            ["rank", "similarity", "image"],
        )
    )
    return lambda: draw_text_answer(arguments.text, paths, scores)


def _answer_image(arguments, model, gallery, folder):
    from vsepp.report.pictures import draw_image_answer
    from vsepp.report.tables import format_table

    dataset, image_id, originals = find_original(arguments.image, folder)
    own = range(0)
    if dataset is not None and dataset.split == gallery.dataset.split:
        per_image = dataset.captions_per_image
        own = range(image_id * per_image, (image_id + 1) * per_image)
        code = gallery.images[image_id]
    else:
        # A photograph of the data set is opened as that says, one from elsewhere is turned.
        exif = dataset is None or dataset.exif
        code = model.encode_image(arguments.image, exif=exif)[0]
    found, scores = gallery.find_sentences(code, arguments.top_k)
    sentences = [gallery.sentences[index] for index in found]
    print(f"Sentences for {arguments.image}, of {_candidates(gallery, 'captions')}:")
    print(
        format_table(
            [
                [rank, f"{score:.3f}", sentence]
                for rank, (score, sentence) in enumerate(zip(scores, sentences), 1)
            ],
            ["rank", "similarity", "sentence"],
        )
    )
    correct = [index in own for index in found] if own else None
    return lambda: draw_image_answer(arguments.image, sentences, scores, originals, correct)
