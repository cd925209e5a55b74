"""Whether a progress bar is to be shown."""

import os


def progress_wanted(progress: bool | None = None) -> bool:
    """`progress` itself; None means yes, unless CI is set or FERMODELS_PROGRESS=0."""
    if progress is not None:
        return progress
    return not os.environ.get("CI") and os.environ.get("FERMODELS_PROGRESS") != "0"
