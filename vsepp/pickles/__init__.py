"""The one reader of other people's pickles: it takes the numbers out and runs nothing."""

from vsepp.pickles.reader import PlainObject, read_pickle

__all__ = ["PlainObject", "read_pickle"]
