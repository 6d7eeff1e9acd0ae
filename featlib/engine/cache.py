"""Files that can be made again: kept whole, found by content, never trusted unchecked.

A file's name is a hash of all that it was made from, so an entry is never out of date. It is
written under another name and then moved into place, so that no process ever reads half of one.
And it carries its own checksum, so that what was damaged later is noticed and made again.
"""

import hashlib
import logging

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from featlib.engine import paths
from featlib.engine.files import atomic_write

log = logging.getLogger("featlib")


def entry(kind, digest):
    """Return the file of a cache entry.

    Parameters
    ----------
    kind : str
        What is kept: the name of a subfolder.
    digest : str
        The hash of everything that it was made from.

    Returns
    -------
    pathlib.Path
    """
    return paths.cache_dir() / kind / f"{digest}.safetensors"


def read(path):
    """Read an entry.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.

    Returns
    -------
    tensor : torch.Tensor or None
        What was kept; None if there is no such file or it is damaged.
    note : str
        What was written beside it.
    """
    if not path.is_file():
        return None, ""
    try:
        with safe_open(path, framework="pt") as file:
            tensor, facts = file.get_tensor("tensor"), file.metadata()
        if facts["sha256"] == _hash(tensor, facts["note"]):
            return tensor, facts["note"]
    except (SafetensorError, OSError, KeyError, TypeError):
        pass  # damaged in another way, and said so below
    log.warning("cache: '%s' is damaged and is made again", path)
    return None, ""


def write(path, tensor, note=""):
    """Keep an entry; where that is not possible, say so and go on.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.
    tensor : torch.Tensor
        What to keep.
    note : str
        A text to keep beside it.
    """
    facts = {"sha256": _hash(tensor, note), "note": note}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(save({"tensor": tensor}, facts))
    except OSError as error:
        log.warning("cache: nothing is kept, since '%s' cannot be written: %s", path.parent, error)


def _hash(tensor, note):
    digest = hashlib.sha256(note.encode())
    digest.update(tensor.contiguous().numpy())
    return digest.hexdigest()
