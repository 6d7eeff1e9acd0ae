"""A WebP of one picture, decoded into as little memory as it takes.

Pillow reads every WebP as an animation, of which libwebp keeps two canvases. With Pillow's own and
the bytes between them, this takes 16 bytes a pixel. libwebp itself can do with eight. (torchvision
could, too, but its decoders are about to be removed.)
"""

import ctypes
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from PIL import Image


def _decoder(channels: str) -> Callable[..., int | None] | None:
    """Find a function of the libwebp with which Pillow is linked; None where it is built in."""
    with suppress(AttributeError, ImportError, OSError):
        from PIL import _webp  # pyright: ignore[reportAttributeAccessIssue]

        decode = ctypes.CDLL(_webp.__file__)[f"WebPDecode{channels}Into"]
        decode.argtypes = (
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        )  # fmt: skip
        decode.restype = ctypes.c_void_p
        return decode
    return None


_DECODERS = {mode: _decoder(mode) for mode in ("RGB", "RGBA")}
BYTES = 8 if all(_DECODERS.values()) else 16  # a pixel


def still(image: Image.Image, data: bytes) -> Image.Image:
    """Decode a WebP.

    Source: ``WebPDecodeRGBInto`` and ``WebPDecodeRGBAInto`` of libwebp's decode.h.

    Parameters
    ----------
    image : PIL.Image.Image
        As Pillow opened it, not decoded yet.
    data : bytes
        The whole file.

    Returns
    -------
    PIL.Image.Image
        The same pixels and EXIF. The one given, if it is an animation or damaged: then Pillow
        reads its first frame, or says what is wrong.
    """
    if (decode := _DECODERS.get(image.mode)) is None:
        return image
    pixels = np.empty((image.height, image.width, len(image.mode)), np.uint8)
    if not decode(data, len(data), pixels.ctypes.data, pixels.nbytes, pixels.strides[0]):
        return image
    picture = Image.fromarray(pixels)
    picture.info = image.info
    return picture
