"""Where things are: the cache, the learner's answers, what comes with the package."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

PACKAGE = Path(__file__).parents[1]


def cache_dir() -> Path:
    """Return the folder of what can be computed or downloaded again.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_CACHE_DIR`` where it is set, else the user's cache folder. Not created here.
    """
    return _chosen("FEATLIB_CACHE_DIR") or user_cache_path("featlib", appauthor=False)


def data_dir() -> Path:
    """Return the folder of what must not be lost: the learner's quiz answers.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_DATA_DIR`` where it is set, else the user's data folder. Not created here.
    """
    return _chosen("FEATLIB_DATA_DIR") or user_data_path("featlib", appauthor=False)


def bundled(name: str) -> Path:
    """Return a folder that comes with featlib: within the package, in a clone beside it.

    Parameters
    ----------
    name : {"notebooks", "quizzes"}
        The folder.

    Returns
    -------
    pathlib.Path
        To be read, never written to: a learner's copies are made by `featlib.workspace`.
    """
    installed = PACKAGE / "assets" / name
    return installed if installed.is_dir() else PACKAGE.parent / name


def _chosen(variable: str) -> Path | None:
    chosen = os.environ.get(variable)
    # Unlike Path.expanduser, this leaves the ~ of an unknown user as it is.
    return Path(os.path.expanduser(chosen)) if chosen else None
