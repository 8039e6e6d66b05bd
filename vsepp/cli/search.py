"""``vsepp search``."""

from vsepp.cli.command import parser
from vsepp.cli.search_index import add_index, make_index
from vsepp.cli.search_query import add_query, ask

DESCRIPTION = """Search your own photographs with words, or with another photograph.

  %(prog)s index FOLDER ... --out INDEX        encode every photograph below folders
  %(prog)s query INDEX "two dogs in the snow"  find them again
  %(prog)s query INDEX --image FILE            find those that look alike
  %(prog)s ... --store milvus --uri URI        the index in a Milvus in place of a folder
  %(prog)s query --dataset NAME --image FILE   find sentences of a data set for a photograph"""


def main(argv=None):
    """Index or search; returns the exit status."""
    commands = parser(DESCRIPTION, dataset=False)
    kinds = commands.add_subparsers(dest="command", metavar="index|query", required=True)
    add_index(kinds)
    add_query(kinds)
    # A sentence or a folder may stand after options; argparse leaves such a word over.
    arguments, rest = commands.parse_known_args(argv)
    strange = [word for word in rest if word.startswith("-")]
    if strange:
        commands.error(f"unrecognized arguments: {' '.join(strange)}")
    if arguments.command == "index":
        arguments.folders += rest
        if not arguments.folders and not arguments.codes:
            commands.error("the following arguments are required: FOLDER, or --codes and --names")
        return make_index(arguments)
    arguments.words += rest
    return ask(arguments)
