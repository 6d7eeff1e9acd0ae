"""Files that are whole or not there, files of strangers, and the checksum of one."""

import errno
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

_TEMPORARY = re.compile(r"_[0-9a-f]{16}\.tmp")
_DAY = 86_400  # seconds: after so long, nobody writes to a temporary file any more
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name only when all of it is on the disk.

    Who may read it is as after a plain `open`: the user's own settings (umask) decide for a new
    file, and a file that is replaced keeps its mode. Where the name is a link, the file that it
    leads to is replaced. What a process that was killed has left in the folder is removed after a
    day.

    Parameters
    ----------
    path : pathlib.Path
        Where it is to be in the end; what is there before is replaced.

    Yields
    ------
    file
        To write bytes to. Until the end its name is ``_*.tmp``.

    Raises
    ------
    OSError
        If it cannot be written, or is there and no regular file; what was there before is still
        there.
    """
    with _beside(path) as (temporary, path):
        with _whole(temporary, path) as file:
            yield file
        os.replace(temporary, path)


def atomic_write_text(path: Path, text: str) -> None:
    r"""Write a text as UTF-8, whole or not at all, as `atomic_write` does.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    text : str
        What it will hold. Half characters, as in names of files that are not UTF-8, are written
        out: ``\udcff``. Line ends stay as they are.

    Raises
    ------
    OSError
        As `atomic_write` does.
    """
    with atomic_write(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def atomic_write_all(files: dict[Path, bytes]) -> None:
    """Write files that belong together: all are on the disk before the first gets its name.

    A disk that is full, or a name that is taken by a folder, leaves all of them as they were.

    Parameters
    ----------
    files : dict of pathlib.Path to bytes
        What each will hold. They get their names in this order: the one that leads to the others
        comes last.

    Raises
    ------
    OSError
        As `atomic_write` does.
    """
    with ExitStack() as stack:
        places = [stack.enter_context(_beside(path)) for path in files]
        for (temporary, path), content in zip(places, files.values(), strict=True):
            with _whole(temporary, path) as file:
                file.write(content)
        for temporary, path in places:
            os.replace(temporary, path)


def read_regular(path: Path, most: int) -> bytes:
    """Read a file that may be anything: no pipe is waited for, and no memory is filled.

    Parameters
    ----------
    path : pathlib.Path
        The file, or a link to it.
    most : int
        How many bytes it may have.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    ValueError
        With the reason, if it is larger, or no regular file.
    OSError
        If it cannot be read.
    """

    def open_at_once(name: str, flags: int) -> int:
        _refuse_special(os.stat(name).st_mode)  # opening a device may already do something
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=open_at_once) as file:
        found = os.fstat(file.fileno())  # another one may have taken its name
        _refuse_special(found.st_mode)
        content = b""
        if found.st_size <= most:  # it may still grow
            content = file.read(most + 1) or b""  # None where there is nothing to read yet
    if max(found.st_size, len(content)) > most:
        raise ValueError(f"larger than {most / 1_000_000:g} MB")
    return content


def special(mode: int) -> str:
    """Say what is not a regular file: ``a folder``, ``a pipe``, ``a device``, ``a socket``.

    Parameters
    ----------
    mode : int
        As `os.stat` gives it.

    Returns
    -------
    str
        Empty for a regular file.
    """
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something else")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal, read in pieces.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    str

    Raises
    ------
    OSError
        If it cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the name of a temporary file and that which it is to get; remove what has none then."""
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        if kind := special(path.stat().st_mode):
            raise OSError(errno.EEXIST, f"{kind} is there", str(path))
    _sweep(path.parent)
    temporary = path.parent / f"_{secrets.token_hex(8)}.tmp"
    try:
        yield temporary, path
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _whole(temporary: Path, path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file with the mode of what it will replace; end when it is on the disk."""
    with open(temporary, "xb") as file:
        if os.name == "posix":  # before anything is in it that others may not read
            with suppress(OSError):  # there is no such file yet
                os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sweep(folder: Path) -> None:
    """Remove what killed processes have left in a folder."""
    with suppress(OSError), os.scandir(folder) as entries:  # it need not be ours to list
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):  # it need not be ours to remove
                    if entry.stat(follow_symlinks=False).st_mtime < time.time() - _DAY:
                        os.unlink(entry)


def _refuse_special(mode: int) -> None:
    if kind := special(mode):
        raise ValueError(f"{kind}, no file")
