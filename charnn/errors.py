"""The one family of errors that crosses to the user: each says what is wrong, where, and what to do next."""


class CharnnError(Exception):
    """An operation failed (I/O, disk full, memory). `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(CharnnError):
    """What was asked for makes no sense: an option's value, or a model that is not there."""

    exit_code = 2


class InputError(CharnnError):
    """A corpus or a text was rejected: bad bytes, unknown characters, too short, changed."""

    exit_code = 3


class CheckpointError(CharnnError):
    """A model file was rejected: not one of ours, damaged, incompatible."""

    exit_code = 3


class DivergenceError(CharnnError):
    """Training diverged and did not recover from several roll-backs."""

    exit_code = 4


class CharnnWarning(UserWarning):
    """The work goes on, but not quite as it was asked for. The command line writes it to standard error."""
