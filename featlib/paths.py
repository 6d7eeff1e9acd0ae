"""Where things are: the cache, the learner's answers, the notebooks."""

import os
import shutil
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


def notebooks_dir():
    """Return the folder of the lesson's notebooks.

    Returns
    -------
    pathlib.Path
        In a clone its ``notebooks`` folder. Of an installed package a copy in the working folder,
        made on the first call, so that a learner's changes never touch the package.
    """
    clone = Path(__file__).parents[1] / "notebooks"
    if clone.is_dir():
        return clone
    copy = Path.cwd() / "featlib-notebooks"
    if not copy.exists():
        shutil.copytree(Path(__file__).parent / "assets" / "notebooks", copy)
    return copy
