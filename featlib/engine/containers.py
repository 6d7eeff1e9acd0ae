"""What the bytes of a picture file say of themselves, read before any decoder sees them.

Some decoders take a whole file into memory, or follow it for minutes, before they find that there
is no picture in it.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

# A JPEG's marker: 255 and a kind. Within a scan, 255 is followed by 0 or by a number of restart.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
SCANS = 100  # a photograph that is sent coarse first, then finer, has about ten
_SEGMENTS = 1000  # EXIF, a color profile, tables: some dozens
_HEADER = 20_000_000  # bytes before the first scan: EXIF with a preview has less than one million

_NAME = re.compile(rb"[ -~]{4}")  # of a chunk or a box: four letters
_CHUNKS = 10_000  # before the one with the picture: some dozens
NOTHING_BEHIND = "damaged: only its first bytes are those of a picture"


def jpeg_scans(data: bytes) -> int:
    """Count the scans of a JPEG, up to the end of its first picture.

    Source: ITU-T T.81, annex B.

    Parameters
    ----------
    data : bytes
        A JPEG, whole or cut.

    Returns
    -------
    int
        Decoders go over all pixels once for each.

    Raises
    ------
    ValueError
        If there are more than any camera or program writes, or far more beside the pixels.
    """
    place, scans = 2, 0
    for _ in range(_SEGMENTS):
        found = _MARKER.search(data, place)
        kind = found[0][1] if found else _END
        if not scans and (found.start() if found else len(data)) > _HEADER:
            raise ValueError(f"more than {_HEADER / 1e6:.0f} MB before its pixels")
        if not found or kind == _END:
            return scans
        if kind == _SCAN and (scans := scans + 1) > SCANS:
            raise ValueError(f"more than {SCANS} scans, about ten are usual")
        # A segment begins with its own length.
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        place = found.end() + (0 if kind == _START else length)
    raise ValueError(f"more than {_SEGMENTS:,} segments, some dozens are usual")


def fault(opened: BinaryIO, length: int) -> str:
    """Say why the chunks of a WebP, or the boxes of a HEIC or AVIF, do not lead to a picture.

    Sources: RFC 9649, section 2.3; ISO/IEC 14496-12, section 4.2.

    Parameters
    ----------
    opened : binary file
        Of one of these formats. Only the names and sizes of its parts are read.
    length : int
        Its size, in bytes.

    Returns
    -------
    str
        Empty where one of the parts is to hold a picture.
    """
    opened.seek(0)
    riff = opened.read(4) == b"RIFF"
    wanted = (b"VP8 ", b"VP8L", b"ANMF") if riff else (b"meta", b"moov")
    for name, end in _parts(opened, length, riff):
        if end > length:
            return "damaged: its end is missing"
        if name in wanted:
            return ""
    return NOTHING_BEHIND


def _parts(opened: BinaryIO, length: int, riff: bool) -> Iterator[tuple[bytes, int]]:
    """Yield the name and the end of each part of a file, as long as they are sound."""
    place = 12 if riff else 0  # RIFF, its size, WEBP
    for _ in range(_CHUNKS):
        opened.seek(place)
        head = opened.read(16)
        if riff:
            name, size = head[:4], 8 + int.from_bytes(head[4:8], "little")
        else:
            name, size = head[4:8], int.from_bytes(head[:4], "big")
            size = int.from_bytes(head[8:], "big") if size == 1 else size or length - place
        if not _NAME.fullmatch(name) or size < 8 + riff:  # a box may be empty
            return
        yield name, place + size
        place += size + (size % 2 if riff else 0)  # chunks begin at even places
