"""``vsepp convert``."""

from vsepp.cli.command import parser
from vsepp.cli.importing import import_paddle
from vsepp.system.errors import InputError

DESCRIPTION = """Turn other people's files into ours, and our checkpoints into Paddle's.

Nothing in the files is run, and PyTorch is not needed.

  --backbone resnet50 IN OUT.safetensors     ImageNet weights of torchvision or Paddle
  --authors model_best.pth.tar --vocab VOCAB.pkl OUT.ckpt
                                             the authors' checkpoint and vocabulary
  --tutorial CKPT --vocab vocab.json OUT.ckpt
                                             the tutorial's checkpoint
  --clip FOLDER OUT.ckpt                     a CLIP or Chinese-CLIP as Hugging Face keeps it
  --clip FILE.pt --vocab bpe_simple_vocab_16e6.txt.gz OUT.ckpt
                                             OpenAI's own file of a CLIP
  --to-tutorial CKPT OUT.ckpt                our checkpoint under the tutorial's names
  --pdparams CKPT OUT.pdparams               our checkpoint's weights, for paddle.load"""


def main(argv=None):
    """Convert one file; returns the exit status."""
    commands = parser(DESCRIPTION, dataset=False)
    kind = commands.add_mutually_exclusive_group(required=True)
    kind.add_argument("--backbone", nargs=2, metavar=("NAME", "IN"))
    kind.add_argument("--authors", metavar="MODEL")
    kind.add_argument("--tutorial", metavar="CKPT")
    kind.add_argument("--clip", metavar="FOLDER|FILE")
    kind.add_argument("--to-tutorial", metavar="CKPT")
    kind.add_argument("--pdparams", metavar="CKPT")
    commands.add_argument(
        "--vocab", metavar="FILE", help="the vocabulary of --authors, --tutorial, --clip"
    )
    commands.add_argument("out", metavar="OUT")
    arguments = commands.parse_args(argv)
    if (arguments.authors or arguments.tutorial) and not arguments.vocab:
        commands.error("--authors and --tutorial need --vocab")
    from pathlib import Path

    import_paddle()
    from vsepp.convert.authors import convert_authors
    from vsepp.convert.backbone import convert_backbone
    from vsepp.convert.clip import convert_clip
    from vsepp.convert.pdparams import export_pdparams
    from vsepp.convert.to_tutorial import export_tutorial
    from vsepp.convert.tutorial import convert_tutorial

    name, weights = arguments.backbone or (None, None)
    for path in (
        weights,
        arguments.authors,
        arguments.tutorial,
        arguments.clip,
        arguments.to_tutorial,
        arguments.pdparams,
        arguments.vocab,
    ):
        if path is not None and Path(path).resolve() == Path(arguments.out).resolve():
            raise InputError(
                f"{arguments.out} is what is converted: give another name for what is written."
            )

    note = None
    if arguments.backbone:
        note = convert_backbone(name, weights, arguments.out)
    elif arguments.authors:
        convert_authors(arguments.authors, arguments.vocab, arguments.out)
    elif arguments.tutorial:
        note = convert_tutorial(arguments.tutorial, arguments.vocab, arguments.out)
    elif arguments.clip:
        note = convert_clip(arguments.clip, arguments.vocab, arguments.out)
    elif arguments.to_tutorial:
        note = export_tutorial(arguments.to_tutorial, arguments.out)
    else:
        export_pdparams(arguments.pdparams, arguments.out)
    print(f"written to {arguments.out}" + (f"; {note}" if note else ""))
    return 0
