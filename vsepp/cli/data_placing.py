"""Bringing a chosen data set's captions and photographs into its folder, where that is due."""

from contextlib import ExitStack

from vsepp.cli.data_choice import SHORTCUTS
from vsepp.system.errors import InputError
from vsepp.text.tokens import AUTO


def put_in_place(choice, config, folder, arguments, vocabulary=None):
    """Bring captions and images into the data set's folder.

    Returns ``tokenizer``, ``content`` and ``exif`` of ``create_dataset``: the name of the captions'
    tokenizer, what their JSON holds, and whether photographs are turned; None when nothing is to
    be done.
    """
    import hashlib

    from vsepp.data.existing_preparation import ExistingPreparation
    from vsepp.data.image_sources import open_source
    from vsepp.data.karpathy import parse_cut, read_karpathy_json
    from vsepp.data.orientation import CHOICES, obeys_exif
    from vsepp.data.placing import find_images, in_words, missing_images, place_images
    from vsepp.data.preparation import PREPARED, mark_unfinished

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
    place, matching = folder / "images", None
    with ExitStack() as open_sources:
        # What lies there already may have the names in another form, too.
        look_there = place.is_dir() and missing_images(images, place)
        path = choice.images or (place if look_there else None)
        if path:
            source = open_sources.enter_context(open_source(path))
            matching = find_images(images, source)
            if captions:
                captions = captions.renamed(matching.completed)
                content, images = captions.content, captions.images
        if earlier and arguments.exif == AUTO:
            exif = earlier.exif
        else:
            exif = obeys_exif(CHOICES[arguments.exif], content)
        if earlier:
            checksum = (
                captions.sha256 if captions else hashlib.sha256(json_path.read_bytes()).hexdigest()
            )
            earlier.refuse_other(
                {**_options(config, tokenizer, vocabulary), "exif": exif}, checksum
            )
        placed = matching and place_images(
            matching, source, place, matching.completed if captions else {}
        )
    if earlier and not placed:
        missing = len(missing_images(images, place))
        if missing > earlier.left_out:
            raise InputError(
                f"{place} has lost images since it was prepared "
                f"({missing} are missing): give them with --images PATH, or add "
                "--force to prepare the data set without them."
            )
        if earlier.is_whole() and not (arguments.strict and earlier.left_out):
            return None
    if matching and (choice.images or matching.how):
        print(in_words(matching, path))
    if captions:
        if (folder / PREPARED).exists():  # from here on it and the captions may not fit
            mark_unfinished(folder)
        captions.place(folder, choice.dataset)
    return {"tokenizer": tokenizer, "content": content, "exif": exif}


def _stays_with_words(earlier, tokenizer):
    """Whether a data set was prepared before there was a choice, and no other is wanted now."""
    return earlier is not None and earlier.tokenizer is None and tokenizer in (AUTO, "words")


def features_in_place(features, config, folder, arguments, vocabulary=None):
    """Whether given features are prepared already, with these options."""
    from vsepp.data.existing_preparation import ExistingPreparation

    earlier = None if arguments.force else ExistingPreparation.read(folder)
    if not earlier:
        return False
    if _stays_with_words(earlier, arguments.tokenizer):
        features.tokenizer = "words"
    earlier.refuse_other(
        _options(config, features.tokenizer, vocabulary), features.captions_sha256, features.origin
    )
    return earlier.is_whole()


def _options(config, tokenizer, vocabulary):
    given = {key: getattr(config, key) for key in SHORTCUTS}
    kept = vocabulary.options() if vocabulary else {"new_words": False}
    return {**given, "tokenizer": tokenizer, **kept}
