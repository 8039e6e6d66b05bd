"""The one exception that means "what was given is wrong", as opposed to a bug."""


class InputError(ValueError):
    """A file, key or value that the user gave cannot be used.

    The message is one sentence (two at most) that names the file or key, says what
    is wrong with it, and gives the command or value that mends it. The tools print
    it and exit with status 2; any other exception keeps its traceback.
    """
