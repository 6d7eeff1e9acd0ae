"""Where things are: the cache, the learner's answers, what comes with the package."""

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from featlib.engine.words import say_once

PACKAGE = Path(__file__).parents[1]


def cache_dir() -> Path:
    """Return the folder of what can be computed or downloaded again.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_CACHE_DIR`` where it is set, else the user's cache folder; for a user without a
        home folder, one among the temporary files. Not created here.
    """
    return _chosen("FEATLIB_CACHE_DIR") or _users("FEATLIB_CACHE_DIR", user_cache_path)


def data_dir() -> Path:
    """Return the folder of what must not be lost: the learner's quiz answers.

    Returns
    -------
    pathlib.Path
        ``$FEATLIB_DATA_DIR`` where it is set, else the user's data folder; for a user without a
        home folder, one among the temporary files. Not created here.
    """
    return _chosen("FEATLIB_DATA_DIR") or _users("FEATLIB_DATA_DIR", user_data_path)


def bundled(name: str) -> Path:
    """Return a folder that comes with featlib: within the package, in a clone beside it.

    Parameters
    ----------
    name : {"docs", "notebooks", "quizzes"}
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
    found = os.path.expanduser(chosen) if chosen else ""
    if found.startswith("~"):
        say_once(f"paths: {variable} names no user: a folder '{found}' within this one is used")
    return Path(found) if found else None


def _users(variable: str, find: Callable[..., Path]) -> Path:
    """Return the user's own folder, or a temporary one where HOME is unset, unknown or relative."""
    try:
        own = find("featlib", appauthor=False)
    except RuntimeError:  # newer platformdirs; older ones return a path that begins with ~
        own = Path()
    if own.is_absolute():
        return own
    instead = _temporary() / variable.split("_")[1].lower()
    say_once(f"paths: no home folder is known: '{instead}' is used; set {variable} to another")
    return instead


def _temporary() -> Path:
    """Return this user's folder among the temporary files; it never is one that others prepared."""
    user = getattr(os, "getuid", lambda: None)()
    ours = Path(tempfile.gettempdir(), "featlib" if user is None else f"featlib-{user}")
    try:
        with suppress(FileExistsError):
            ours.mkdir(mode=0o700)
        facts = ours.lstat()
    except OSError:  # nothing can be made there: whoever writes to it says so
        return ours
    is_ours = stat.S_ISDIR(facts.st_mode) and user in (None, facts.st_uid)
    return ours if is_ours else _new_temporary()


@cache
def _new_temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="featlib-"))
