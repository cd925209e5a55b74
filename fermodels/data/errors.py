"""What this room raises."""


class PreparedError(ValueError):
    """A prepared data set that cannot be used; the message names the file, row and column."""
