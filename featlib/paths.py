"""The two folders that featlib writes to, outside the learner's own."""

import os
from pathlib import Path

from platformdirs import user_cache_path, user_data_path


def cache_dir():
    """Return the folder of what can be made again: features, downloads.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_CACHE_DIR`` where it is set, else the user's cache folder. Not created here.
    """
    chosen = os.environ.get("FEATLIB_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else user_cache_path("featlib", appauthor=False)


def data_dir():
    """Return the folder of what cannot be made again: the learner's quiz answers.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_DATA_DIR`` where it is set, else the user's data folder. Not created here.
    """
    chosen = os.environ.get("FEATLIB_DATA_DIR")
    return Path(chosen).expanduser() if chosen else user_data_path("featlib", appauthor=False)
