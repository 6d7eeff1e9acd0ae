"""Results that can be computed again, kept in files.

A file's name is a hash of everything that the result was computed from, so an entry is never out of
date. It is written under another name and then moved into place, so that no process ever reads half
of one. It carries its own checksum, so that later damage is noticed and the result is computed
again. And when the entries grow past a limit, those that were used longest ago are deleted.

A folder may be one cache for all accounts of a machine: what is in it has the readers of the
folder, whatever the umask of the account that wrote it.
"""

import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from featlib.engine import paths
from featlib.engine.files import atomic_write
from featlib.engine.words import say_once

PIECE = 1024  # images whose features, or whose pixels, are one entry
GIGABYTES = 2.0  # that entries may take, where FEATLIB_CACHE_GB does not say otherwise

# What featlib writes into the cache folder, by the subfolder. Whatever else is there is not ours.
_ENTRY = r"[0-9a-f]{64}\.safetensors|_[0-9a-f]{16}\.tmp"
_ENTRIES = {"features": _ENTRY, "pictures": _ENTRY}
_DOWNLOADS = {
    "datasets": r"cifar-10-python\.tar\.gz|cifar-10-batches-py/[\w.]+"
    r"|FashionMNIST/raw/(train|t10k)-(images|labels)-idx[13]-ubyte(\.gz)?",
    "weights": r"resnet18-[0-9a-f]{8}\.pth(\.\w+\.partial)?",
}

log = logging.getLogger("featlib")


def entry(kind: str, digest: str) -> Path:
    """Return the file of a cache entry.

    Parameters
    ----------
    kind : {"features", "pictures"}
        What is kept: the name of a subfolder.
    digest : str
        The hash of everything that the result was computed from: SHA-256 in hexadecimal.

    Returns
    -------
    pathlib.Path
        In `paths.cache_dir`. Not created here.
    """
    return paths.cache_dir() / kind / f"{digest}.safetensors"


def examine(path: Path) -> tuple[torch.Tensor | None, str, str]:
    """Read an entry, or say what is wrong with it.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.

    Returns
    -------
    tensor : torch.Tensor or None
        What was kept, of its shape and dtype; None if there is no entry, or a fault.
    note : str
        The text that was kept with it; empty if there is none.
    fault : {"", "not readable", "damaged"}
        Empty where nothing is wrong, which includes that there is no entry.
    """
    if error := _why_closed(path):
        return None, "", "not readable" if isinstance(error, PermissionError) else ""
    try:
        with safe_open(path, framework="pt") as file:
            tensor, facts = file.get_tensor("tensor"), file.metadata()
        if facts["sha256"] == _hash(tensor, facts["note"]):
            return tensor, facts["note"], ""
    except (SafetensorError, OSError, KeyError, TypeError):
        pass  # damaged in another way
    return None, "", "damaged"


def read(path: Path) -> tuple[torch.Tensor | None, str]:
    """Read an entry, and note that it was used.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.

    Returns
    -------
    tensor : torch.Tensor or None
        What was kept, of its shape and dtype; None if there is no such file, or it cannot be used:
        then a warning is logged.
    note : str
        The text that was kept with it; empty if there is none.
    """
    tensor, note, fault = examine(path)
    if tensor is not None:
        with suppress(OSError):  # a user who may only read
            os.utime(path)
    elif fault == "damaged":
        log.warning("cache: '%s' is damaged and is made again", path)
    elif fault:
        say_once(f"cache: '{path}' is not readable, so its content is computed anew")
    return tensor, note


def has(path: Path) -> bool:
    """Say whether there is an entry that this user may read.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.

    Returns
    -------
    bool
        True for a damaged one, too: that shows only when all of it is read.
    """
    return _why_closed(path) is None


def write(path: Path, tensor: torch.Tensor, note: str = "") -> None:
    """Keep an entry, then delete those used longest ago if there are more than `limit` allows.

    If that is not possible, a warning is logged, once for a folder. An entry that is there, but not
    for this user to read, stays as it is; and so does a link, which may lead to any file.

    Parameters
    ----------
    path : pathlib.Path
        From `entry`.
    tensor : torch.Tensor
        What to keep: of any shape, of a dtype that NumPy has, contiguous, on the CPU.
    note : str
        A text to keep with it.
    """
    if isinstance(_why_closed(path), PermissionError) or path.is_symlink():
        return
    content = save({"tensor": tensor}, {"sha256": _hash(tensor, note), "note": note})
    if len(content) > limit():
        say_once(f"cache: what alone takes more than {limit() / 1e9:g} GB is not kept")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        share(path.parent)
        with atomic_write(path) as file:
            file.write(content)
            share(Path(file.name))
    except OSError as error:
        why = error.strerror or type(error).__name__
        say_once(f"cache: nothing is kept, since '{path.parent}' cannot be written: {why}")
        return
    _make_room()


def share(*found: Path) -> None:
    """Let whoever may read the cache folder read what is in it.

    Parameters
    ----------
    *found : pathlib.Path
        Files and folders within it. A folder may also be written to by whoever may write to the
        cache folder, and is sticky if that is. What is not this user's own stays as it is, and so
        does what a link leads to: others may have put it there.
    """
    for path in found if os.name == "posix" else ():
        with suppress(OSError, ValueError):  # gone, a link, or not within the folder
            _share(path.relative_to(paths.cache_dir()))


def _share(path: Path) -> None:
    """Share one file or folder: opened step by step, so that no step of its path is a link."""
    with ExitStack() as opened:
        at = root = os.open(paths.cache_dir(), os.O_RDONLY)
        opened.callback(os.close, root)
        for part in path.parts:
            at = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
            opened.callback(os.close, at)
        found, is_folder = os.fstat(at), stat.S_ISDIR(os.fstat(at).st_mode)
        # A file of two names may be a private one, of which this is the other name.
        is_file = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if found.st_uid == os.geteuid() and (is_folder or is_file):
            kept = os.fstat(root).st_mode & (0o1777 if is_folder else 0o444)
            os.fchmod(at, stat.S_IMODE(found.st_mode | kept))


def limit() -> float:
    """Return how much the entries may take together.

    Returns
    -------
    float
        In bytes: two gigabytes, or what the variable ``FEATLIB_CACHE_GB`` says. With 0, nothing is
        kept. Downloads do not count.
    """
    text = os.environ.get("FEATLIB_CACHE_GB") or str(GIGABYTES)
    with suppress(ValueError):
        if (gigabytes := float(text)) >= 0:
            return gigabytes * 1e9
    say_once(
        f"cache: FEATLIB_CACHE_GB={text!r} is no number of gigabytes from 0 up; "
        f"{GIGABYTES:g} are allowed"
    )
    return GIGABYTES * 1e9


def usage() -> dict[str, tuple[int, int]]:
    """Return what featlib has in its cache folder.

    Returns
    -------
    dict of str to (int, int)
        By the kind, such as ``"features"``: how many files, and how many bytes.
    """
    found = {kind: list(_files(kind)) for kind in _ENTRIES | _DOWNLOADS}
    return {kind: (len(files), sum(size for _, size, _ in files)) for kind, files in found.items()}


def clear() -> int:
    """Delete what featlib has in its cache folder, and nothing else that is there.

    Returns
    -------
    int
        How many bytes were freed. Files that cannot be deleted stay.
    """
    files = [file for kind in _ENTRIES | _DOWNLOADS for file in _files(kind)]
    return sum(size for _, size, path in files if _delete(path))


def entries() -> list[Path]:
    """Return the files of all entries.

    Returns
    -------
    list of pathlib.Path
        Sorted by name.
    """
    return sorted(path for kind in _ENTRIES for *_, path in _files(kind))


def _make_room() -> None:
    room = limit()
    for _, size, path in sorted((file for kind in _ENTRIES for file in _files(kind)), reverse=True):
        room -= size
        if room < 0:
            _delete(path)


def _files(kind: str) -> Iterator[tuple[float, int, Path]]:
    """Yield when it was last used, size in bytes and path of each file of ours in a subfolder."""
    root = paths.cache_dir() / kind
    ours = re.compile((_ENTRIES | _DOWNLOADS)[kind])
    for folder, _, names in os.walk(root):
        for path in (Path(folder, name) for name in names):
            if ours.fullmatch(path.relative_to(root).as_posix()):
                with suppress(OSError):  # another process has deleted it
                    facts = path.stat(follow_symlinks=False)
                    yield facts.st_mtime, facts.st_size, path


def _why_closed(path: Path) -> OSError | None:
    """Return why a file cannot be read; safetensors would call every such file missing."""
    try:
        open(path, "rb").close()
    except OSError as error:
        return error
    return None


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:  # on Windows because it is in use; or it is gone, or not ours to delete
        return False
    return True


def _hash(tensor: torch.Tensor, note: str) -> str:
    digest = hashlib.sha256(note.encode())
    digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()
