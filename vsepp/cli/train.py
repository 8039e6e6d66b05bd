"""``tools/train.py``."""

from vsepp.cli.command import configuration, parser
from vsepp.cli.importing import import_paddle

DESCRIPTION = """Train on a prepared data set.

Without arguments: flickr8k when it is prepared, else the sample, with the data set's own
configuration. `-c NAME_paper` and `-c NAME_paper_finetune` are the authors' two stages.
`-o checkpoint=last` resumes exactly where a run stopped."""


def main(argv=None):
    """Train; returns the exit status."""
    arguments = parser(DESCRIPTION).parse_args(argv)
    config = configuration(arguments)
    import_paddle()
    from vsepp.training import train

    train(config)
    print(f'next: python tools/infer.py --dataset {config.dataset} --text "…" --save answer.png')
    return 0
