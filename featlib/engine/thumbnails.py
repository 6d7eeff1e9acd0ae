"""Small pictures that lie in a page as text."""

import io
import struct
import zlib
from typing import TYPE_CHECKING

from PIL import Image

from featlib.engine.data_address import data_address

if TYPE_CHECKING:
    import torch

_COLORS = 64
_PHOTOGRAPH = 72  # pixels a side
_BLOCK = 65535  # bytes that deflate can store in one piece


def thumbnail(pixels: "torch.Tensor", side: int = 48) -> str:
    """Return an image as the address of a small picture, for the ``src`` of an ``<img>``.

    The same picture gives the same text on every machine, so that a saved page can be compared with
    a new one. Pillow's own PNG files differ with the version of zlib: here nothing is compressed.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 3×H×W, values 0–255.
    side : int
        The longest side in pixels; smaller images keep their size.

    Returns
    -------
    str
        ``data:image/png;base64,…``: a PNG file of at most 64 colors.
    """
    picture = _picture(pixels)
    picture.thumbnail((side, side), Image.Resampling.BOX)
    picture = picture.quantize(_COLORS)
    width, height = picture.size
    palette = bytes(picture.getpalette() or ())[: 3 * _COLORS]
    indices = picture.tobytes()
    rows = b"".join(b"\0" + indices[i : i + width] for i in range(0, len(indices), width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)  # 8 bits, of a palette
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", header),
            (b"PLTE", palette),
            (b"IDAT", _stored(rows)),
            (b"IEND", b""),
        )
    )
    return data_address(file, "image/png")


def photograph(pixels: "torch.Tensor") -> str:
    """Return a photograph as the address of a small JPEG, for the ``src`` of an ``<img>``.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 3×H×W, values 0–255.

    Returns
    -------
    str
        ``data:image/jpeg;base64,…``: a square of 72 pixels a side, about 3 kB.
    """
    file = io.BytesIO()
    _picture(pixels).resize((_PHOTOGRAPH, _PHOTOGRAPH)).save(file, "JPEG", quality=80)
    return data_address(file.getvalue(), "image/jpeg")


def _picture(pixels: "torch.Tensor") -> Image.Image:
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def _stored(data: bytes) -> bytes:
    """Return bytes as a zlib stream that is not compressed (RFC 1950 and 1951)."""
    blocks = [data[i : i + _BLOCK] for i in range(0, len(data), _BLOCK)]
    stored = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block
        for block in blocks
    )
    return b"\x78\x01" + stored + struct.pack(">I", zlib.adler32(data))
