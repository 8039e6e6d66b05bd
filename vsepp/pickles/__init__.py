"""The one reader of other people's pickles: it takes the numbers out and runs nothing."""

from vsepp.pickles.reader import NamedArray, PlainObject, read_pickle

__all__ = ["NamedArray", "PlainObject", "read_pickle"]
