"""The two ways in which the world, not the program, is at fault."""


class UserError(ValueError):
    """A mistake in config, sheet or command: stops the workflow, told in one line."""


class Refused(Exception):
    """Data that cannot be used: ends up as ``status: refused`` in the stage's record.

    The message is the one reason that users read in the report, so it names the file and
    what to do.
    """
