"""Files that are whole or not there, and the checksum of one."""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that gets its name only when all of it is on the disk.

    Who may read it is as after a plain `open`: the user's own settings (umask) decide for a new
    file, and a file that is replaced keeps its mode. Where the name is a link, the file that it
    leads to is replaced.

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
        If it cannot be written; what was there before is still there.
    """
    if path.is_symlink():
        path = Path(os.path.realpath(path))
    temporary = path.with_name(f"_{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "xb") as file:
            if os.name == "posix":  # before anything is in it that others may not read
                with suppress(OSError):  # there is no such file yet
                    os.chmod(temporary, stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
