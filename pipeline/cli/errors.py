"""What a wrong command line raises. Knows no command, and needs no library."""


class UsageError(Exception):
    """The command line is wrong; one line for each problem."""
