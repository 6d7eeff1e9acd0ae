"""From a picture file to a small square RGB array, whatever the format, size and color mode."""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import ExifTags, Image, ImageOps

from featlib.engine import cache as cache_files
from featlib.engine.progress_bar import progress_bar

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SMALLEST = 8  # pixels a side; below this there is no picture to speak of
SMALL_FILE = 50_000  # bytes
HIDDEN = (".", "__MACOSX")  # names that begin so belong to the system, not to the user
VERSION = 2  # raise it when the code below makes another picture of the same file

Result = np.ndarray | str  # a picture, or the reason why there is none


def decode(
    files: Sequence[Path], size: int, *, cache: bool = True, progress: bool = True
) -> list[Result]:
    """Decode picture files.

    Parameters
    ----------
    files : sequence of pathlib.Path
        PNG, JPEG, WebP, GIF or BMP files.
    size : int
        Height and width to scale and crop to, in pixels.
    cache : bool
        Whether to keep the small pictures, and to read them where the same files were decoded
        before. Large photographs take far longer to decode than to read.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    list of (numpy.ndarray or str)
        In the order of the files: the picture, uint8 S×S×3, or the reason why there is none.
    """
    if not cache:
        return _decode_all(files, size, progress)
    path = cache_files.entry("pictures", _digest(files, size))
    pixels, note = cache_files.read(path)
    if pixels is None:
        pictures = _decode_all(files, size, progress)
        _keep(path, pictures, size)
        return pictures
    kept = iter(pixels.numpy())
    return [next(kept) if reason is None else reason for reason in json.loads(note)]


def _digest(files: Sequence[Path], size: int) -> str:
    """Hash the bytes of all files; one that cannot be read counts by its error."""
    digest = hashlib.sha256(f"{size} {VERSION} {PIL.__version__}".encode())
    for file in files:
        kind = b"file" if file.is_file() else b""
        try:
            data = file.read_bytes() if kind else b""
        except OSError as error:
            kind, data = b"", (error.strerror or "").encode()
        digest.update(kind)
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def _keep(path: Path, pictures: Sequence[Result], size: int) -> None:
    reasons = [picture if isinstance(picture, str) else None for picture in pictures]
    kept = [picture for picture in pictures if not isinstance(picture, str)]
    pixels = torch.from_numpy(np.stack(kept)) if kept else torch.empty(0, size, size, 3).byte()
    cache_files.write(path, pixels, json.dumps(reasons))


def _decode_all(files: Sequence[Path], size: int, progress: bool) -> list[Result]:
    with strictly(), ThreadPoolExecutor() as pool:
        # Threads help with photographs. With icons they only wait for one another.
        map_files = map if _are_small(files) else pool.map
        results = map_files(partial(decode_one, size=size), files)
        return list(progress_bar("pictures", len(files), "file", progress, results))


@contextmanager
def strictly() -> Iterator[None]:
    """Refuse pictures that are too large to decode; show no warnings about odd metadata.

    Python keeps one list of warnings for all threads: enter this around the pool, not within it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _are_small(files: Sequence[Path]) -> bool:
    sizes = [file.stat().st_size for file in files if file.exists()]
    return sum(sizes) < SMALL_FILE * len(sizes)


def decode_one(file: Path | str, size: int) -> Result:
    """Decode one picture file; call it within `strictly`.

    Parameters
    ----------
    file : pathlib.Path or str
        A PNG, JPEG, WebP, GIF or BMP file.
    size : int
        Height and width to scale and crop to, in pixels.

    Returns
    -------
    numpy.ndarray or str
        The picture, uint8 S×S×3, or the reason why there is none.
    """
    if not os.path.isfile(file):  # a pipe would be waited for, a device never ends
        return "no file, or a link that leads nowhere"
    try:
        with Image.open(file, formats=FORMATS) as image:
            if min(image.size) >= SMALLEST:
                # A JPEG decoder can shrink by 2, 4 or 8 while it reads; others ignore this.
                image.draft(None, (2 * size, 2 * size))
            return square(image, size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"too large: more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    except Image.UnidentifiedImageError:
        return f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]} picture"
    except OSError as error:
        # An error of the disk has a number. All others are about what was read.
        return f"cannot be read: {error.strerror}" if error.errno else f"damaged: {error}"
    except (SyntaxError, ValueError, EOFError, MemoryError) as error:
        return f"damaged: {error}"


def square(image: Image.Image, size: int) -> Result:
    """Turn an open picture upright, crop its middle to a square, scale it, and convert it to RGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode and size.
    size : int
        Height and width in pixels.

    Returns
    -------
    numpy.ndarray or str
        uint8 S×S×3, or the reason why there is none.
    """
    if min(image.size) < SMALLEST:
        return f"too small: {image.width}×{image.height}, {SMALLEST}×{SMALLEST} needed"
    # A copy of a large picture is large, so none is made without need, and scaling comes first.
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    picture = _with_colors(image)
    if picture.size != (size, size):
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    return np.asarray(_to_rgb(picture))


def _with_colors(image: Image.Image) -> Image.Image:
    """Convert a mode whose numbers cannot be averaged: of a palette, or one transparent color."""
    if image.mode.startswith("I"):
        return image
    if image.mode in ("RGB", "RGBA", "L", "LA") and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB: 16 bits to 8, transparency laid on white."""
    if image.mode.startswith("I"):
        eight_bit = np.asarray(image).clip(0, 65535) >> 8
        image = Image.fromarray(eight_bit.astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
