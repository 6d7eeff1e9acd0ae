"""The name of a learner's variant: given once, kept, and the same however it is written."""

import os
import re
from unicodedata import normalize

from featlib import checks
from featlib.engine import paths
from featlib.engine.files import atomic_write_text, read_regular
from featlib.engine.words import reason

__all__ = ["current", "keep", "name"]

_VARIABLE = "FEATLIB_VARIANT"
_DEFAULT = "default"  # what is said for none
_LARGEST = 1000  # bytes of the file that keeps the name
_NAME = re.compile(r"\w[\w .-]{0,39}")


def name(value: object, where: str) -> str:
    """Check the name of a variant, and write it in one way.

    Parameters
    ----------
    value : str
        At most 40 letters, digits, blanks, points, hyphens and underscores; ``"default"``, and an
        empty text, stand for no variant.
    where : str
        Who asks; messages begin with it.

    Returns
    -------
    str
        In lower case; empty for no variant.

    Raises
    ------
    featlib.FeatlibError
        If it is no such name.

    Examples
    --------
    >>> from featlib import variants
    >>> variants.name(" Otter", "lab"), variants.name("default", "lab")
    ('otter', '')
    """
    fix = "Take a short one, such as otter or group-7."
    text = checks.text(value, where, "the variant")[:_LARGEST]
    found = normalize("NFC", text).strip().casefold()
    if found and not _NAME.fullmatch(found):
        wanted = "a variant of at most 40 letters, digits, blanks and hyphens"
        checks.refuse(where, wanted, repr(text[:60]), fix)
    return "" if found == _DEFAULT else found


def current() -> str:
    """Return the learner's variant.

    Returns
    -------
    str
        ``$FEATLIB_VARIANT`` where it is set, else the name that `keep` kept, else an empty text:
        the split of the lesson.

    Raises
    ------
    featlib.FeatlibError
        If it is no name of a variant, or the file with it cannot be read.
    """
    if chosen := os.environ.get(_VARIABLE):
        return name(chosen, _VARIABLE)
    file = paths.data_dir() / "variant.txt"
    try:
        kept = read_regular(file, _LARGEST).decode()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError) as error:
        fix = "Choose it again: featlib lab --variant NAME."
        checks.refuse("variant", f"a name in '{file}'", reason(error), fix)
    return name(kept, f"variant in '{file}'")


def keep(variant: str) -> str:
    """Keep a variant for this learner: from now on, all that is run has its split.

    Parameters
    ----------
    variant : str
        As for `name`; ``"default"`` brings the split of the lesson back.

    Returns
    -------
    str
        As `name` returns it.

    Raises
    ------
    featlib.FeatlibError
        If it is no name of a variant.
    OSError
        If it cannot be written.
    """
    found = name(variant, "featlib lab, --variant")
    file = paths.data_dir() / "variant.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    atomic_write_text(file, found)
    os.environ[_VARIABLE] = found  # for Jupyter, whose kernels inherit it
    return found
