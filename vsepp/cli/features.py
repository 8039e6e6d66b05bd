"""``vsepp features``."""

import os
import sys

from vsepp.cli.command import parser
from vsepp.cli.datasets import configuration, dataset_words
from vsepp.cli.importing import import_paddle
from vsepp.system.errors import InputError
from vsepp.system.invocation import command
from vsepp.system.launched import process_number

DESCRIPTION = """Compute the frozen backbone's features of every image of a prepared data set.

Grids of cells and further views of the photographs too, where the configuration has them. They
are stored beside the data and used by training with finetuned=false, which also computes them by
itself. An interrupted run goes on where it stopped."""


def main(argv=None):
    """Compute what is missing; returns the exit status."""
    arguments = parser(DESCRIPTION).parse_args(argv)
    config = configuration(arguments)
    import_paddle()
    from vsepp.data.karpathy import SPLITS
    from vsepp.data.options import checked_folder
    from vsepp.data.prepared import Prepared
    from vsepp.models.device import select_device
    from vsepp.models.feature_extraction import load_features
    from vsepp.models.joined_ranks import joined_ranks
    from vsepp.training.starting import with_model_of_init_from

    config, _ = with_model_of_init_from(config)
    folder = checked_folder(config)
    splits = [split for split in SPLITS if (folder / f"{split}_data.json").exists()]
    if not splits:
        raise InputError(
            f"{folder} holds no split: run "
            f"`{command('prepare', *dataset_words(config), '--force')}` first."
        )
    if process_number():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # the leader says it
    with joined_ranks(config.device) as ranks:
        select_device(ranks.device(config.device))
        features, backbone = load_features(config, Prepared(folder), splits, ranks=ranks)
    for name, rows in features.items():
        size = " × ".join(map(str, rows.shape[1:]))
        print(f"{name}: {rows.shape[0]} images, {size} numbers each")
    origin = backbone.origin
    print(
        f"backbone {origin.backbone}, weights {origin.encoding.fingerprint[:12]}, "
        f"in {origin.encoding.precision}"
    )
    return 0
