"""Results that can be computed again, kept in files.

A file's name is a hash of everything that the result was computed from, so an entry is never out of
date. It is written under another name and then moved into place, so that no process ever reads half
of one. And it carries its own checksum, so that later damage is noticed and the result is computed
again.
"""

import hashlib
import logging
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from featlib.engine import paths
from featlib.engine.files import atomic_write

log = logging.getLogger("featlib")


def entry(kind: str, digest: str) -> Path:
    """Return the file of a cache entry.

    Parameters
    ----------
    kind : str
        What is kept: the name of a subfolder, such as ``"features"``.
    digest : str
        The hash of everything that the result was computed from, in hexadecimal.

    Returns
    -------
    pathlib.Path
        In `paths.cache_dir`. Not created here.
    """
    return paths.cache_dir() / kind / f"{digest}.safetensors"


def read(path: Path) -> tuple[torch.Tensor | None, str]:
    """Read an entry.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.

    Returns
    -------
    tensor : torch.Tensor or None
        What was kept, of its shape and dtype; None if there is no such file or it is damaged. Of
        damage a warning is logged.
    note : str
        The text that was kept with it; empty if there is none.
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


def write(path: Path, tensor: torch.Tensor, note: str = "") -> None:
    """Keep an entry; if that is not possible, log a warning and go on.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.
    tensor : torch.Tensor
        What to keep: of any shape, of a dtype that NumPy has, contiguous, on the CPU.
    note : str
        A text to keep with it.
    """
    facts = {"sha256": _hash(tensor, note), "note": note}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as file:
            file.write(save({"tensor": tensor}, facts))
    except OSError as error:
        log.warning("cache: nothing is kept, since '%s' cannot be written: %s", path.parent, error)


def _hash(tensor: torch.Tensor, note: str) -> str:
    digest = hashlib.sha256(note.encode())
    digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
