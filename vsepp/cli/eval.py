"""``tools/eval.py``."""

from vsepp.cli.checkpoints import add_arguments, open_model
from vsepp.cli.command import configuration, parser

DESCRIPTION = """Score a checkpoint on a split: recalls, ranks and mAP@R in both directions.

Prints a table and writes the same as JSON."""


def main(argv=None):
    """Score; returns the exit status."""
    commands = parser(DESCRIPTION)
    add_arguments(commands)
    commands.add_argument("--folds", action="store_true",
                          help="means over consecutive folds of 1,000 images (COCO's 1K protocol)")
    commands.add_argument("--json", metavar="FILE",
                          help="where the JSON goes (default: beside the checkpoint)")
    arguments = commands.parse_args(argv)
    config = configuration(arguments)
    from pathlib import Path

    from vsepp.files.atomic import write_json
    from vsepp.gallery import open_gallery
    from vsepp.metrics import all_metrics, fold_metrics
    from vsepp.report.tables import metrics_table
    from vsepp.data.dataset import prepared_folder

    folder = prepared_folder(config.data_dir, config.dataset)
    model = open_model(arguments, config)
    gallery = open_gallery(model, folder, arguments.split)
    score = fold_metrics if arguments.folds else all_metrics
    metrics = score(gallery.images, gallery.texts, gallery.dataset.captions_per_image,
                    model.measure)
    protocol = "means over folds of 1,000 images" if arguments.folds else \
        "all images and captions of the split"
    result = {"dataset": config.dataset, "split": arguments.split,
              "images": len(gallery.images), "captions": len(gallery.texts),
              "captions_per_image": gallery.dataset.captions_per_image, "protocol": protocol,
              "measure": model.measure, "checkpoint": model.checkpoint,
              "fingerprint": model.fingerprint, **metrics}
    print(metrics_table(result))
    checkpoint = Path(model.checkpoint)
    path = arguments.json or checkpoint.with_name(
        f"{checkpoint.stem}.{config.dataset}_{arguments.split}.json")
    write_json(path, result, indent=2)
    print(f"written to {path}")
    return 0
