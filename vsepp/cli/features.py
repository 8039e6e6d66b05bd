"""``tools/features.py``."""

from vsepp.cli.command import configuration, parser
from vsepp.cli.importing import import_paddle
from vsepp.system.errors import InputError

DESCRIPTION = """Compute the frozen backbone's features of every image of a prepared data set.

They are stored beside the data and used by training with finetuned=false, which also computes
them by itself. An interrupted run goes on where it stopped."""


def main(argv=None):
    """Compute what is missing; returns the exit status."""
    arguments = parser(DESCRIPTION).parse_args(argv)
    config = configuration(arguments)
    import_paddle()
    from vsepp.data.dataset import prepared_folder
    from vsepp.data.karpathy import SPLITS
    from vsepp.models.device import select_device
    from vsepp.models.feature_extraction import load_features

    folder = prepared_folder(config.data_dir, config.dataset)
    splits = [split for split in SPLITS if (folder / f"{split}_data.json").exists()]
    if not splits:
        raise InputError(
            f"{folder} holds no split: run `python tools/prepare.py --dataset "
            f"{config.dataset} --force` first."
        )
    select_device(config.device)
    features, backbone = load_features(config, splits)
    for split, rows in features.items():
        print(f"{split}: {rows.shape[0]} images, {rows.shape[1]} numbers each")
    print(f"backbone {backbone.origin.backbone}, weights {backbone.origin.fingerprint[:12]}")
    return 0
