"""From a picture file to a small square RGB array, whatever the format, size and color mode."""

import hashlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import ExifTags, Image, ImageOps

from featlib.engine import cache as cache_files
from featlib.engine import paths
from featlib.engine.progress_bar import progress_bar

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
SMALLEST = 8  # pixels a side; below this there is no picture to speak of
SMALL_FILE = 50_000  # bytes
HIDDEN = (".", "__MACOSX")  # names that begin so belong to the system, not to the user
VERSION = 2  # raise it when the code below makes another picture of the same file

PHOTOGRAPH, THUMBNAIL = 224, 128  # pixels a side at which pictures are read
PIECE = 1024  # pictures that are kept together
MEMORY = 2 * 10**9  # bytes of pixels that are held in memory at most

Result = np.ndarray | str  # a picture, or the reason why there is none

# What Pillow raises for a damaged picture, beside OSError; and for any that cannot be read.
DAMAGES = (SyntaxError, ValueError, EOFError, MemoryError)
NO_PICTURE = (OSError, Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGES)

log = logging.getLogger("featlib")


def usual_size(sides: Iterable[int]) -> int:
    """Return the size at which pictures are read where nobody chose one.

    Parameters
    ----------
    sides : iterable of int
        The shorter side of each picture, in pixels.

    Returns
    -------
    int
        224, the size at which ImageNet's networks met their photographs; 128 where most pictures
        are smaller than half of that: enlarging thumbnails helps up to there, and costs a third.
    """
    known = list(sides)
    small = sum(side < PHOTOGRAPH // 2 for side in known)
    return THUMBNAIL if 2 * small > len(known) else PHOTOGRAPH


def shorter_sides(files: Sequence[Path], most: int = 1000) -> list[int]:
    """Return the shorter side of picture files, from their headers.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Of many, some from everywhere are looked into. What cannot be read is passed over.
    most : int
        How many are looked into at most.

    Returns
    -------
    list of int
        Pixels.
    """
    sides = []
    with strictly():
        for file in files[:: -(-len(files) // most) or 1]:
            if os.path.isfile(file):  # a pipe would be waited for
                with suppress(*NO_PICTURE), Image.open(file, formats=FORMATS) as image:
                    sides.append(min(image.size))
    return sides


def decode(
    files: Sequence[Path], size: int, *, cache: bool = True, progress: bool = True
) -> tuple[np.ndarray, list[str | None]]:
    """Decode picture files.

    More than two gigabytes of pixels are not held in memory, but in a file without a name, which
    the system removes when nothing uses it any more.

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
    pictures : numpy.ndarray
        uint8 M×S×S×3: those that could be read, in the order of the files.
    reasons : list of (str or None)
        For each file why there is no picture; None where there is one.
    """
    pictures, reasons = _room(len(files), size), []
    n = 0
    with progress_bar("pictures", len(files), "file", progress) as done:
        for first in range(0, len(files), PIECE):
            part, why = _piece(files[first : first + PIECE], size, cache, done.update)
            pictures[n : n + len(part)] = part
            reasons += why
            n += len(part)
    return pictures[:n], reasons


def _room(n: int, size: int) -> np.ndarray:
    """Return an array for n pictures, in memory or in a file."""
    shape = (n, size, size, 3)
    if (needed := n * size * size * 3) <= MEMORY:
        return np.empty(shape, np.uint8)
    log.warning(
        "images: %s pictures at %d×%d pixels are %.1f GB, more than is held in memory; they are "
        "kept in a temporary file while they are used",
        f"{n:,}", size, size, needed / 1e9,
    )  # fmt: skip
    folder = paths.cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def _piece(
    files: Sequence[Path], size: int, cache: bool, tick: Callable[[int], object]
) -> tuple[np.ndarray, list[str | None]]:
    """Decode some files, or read what was kept of them: a run that is stopped goes on there."""
    path = cache_files.entry("pictures", _digest(files, size)) if cache else None
    kept, note = cache_files.read(path) if path else (None, "")
    if kept is not None:
        tick(len(files))
        return kept.numpy(), json.loads(note)
    results = _decode_all(files, size, tick)
    found = [picture for picture in results if not isinstance(picture, str)]
    pictures = np.stack(found) if found else np.empty((0, size, size, 3), np.uint8)
    reasons = [picture if isinstance(picture, str) else None for picture in results]
    if path:
        cache_files.write(path, torch.from_numpy(pictures), json.dumps(reasons))
    return pictures, reasons


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


def _decode_all(files: Sequence[Path], size: int, tick: Callable[[int], object]) -> list[Result]:
    results = []
    with strictly(), ThreadPoolExecutor() as pool:
        # Threads help with photographs. With icons they only wait for one another.
        map_files = map if _are_small(files) else pool.map
        for result in map_files(partial(decode_one, size=size), files):
            results.append(result)
            tick(1)
    return results


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
    except DAMAGES as error:
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
