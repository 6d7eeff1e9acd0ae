"""From a picture file to a small square RGB array, whatever the format, size and color mode."""

import errno
import functools
import hashlib
import io
import json
import logging
import os
import shutil
import struct
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import ExifTags, Image, ImageOps

from featlib.engine import cache as cache_files
from featlib.engine import paths
from featlib.engine.cache import PIECE
from featlib.engine.words import reason as first_line

# Of Pillow's formats those that are known by their first bytes and start no other program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM", "DIB")
NO_FILE = "no file, or a link that leads nowhere"
READ = "PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, PPM"  # as they are called in messages
UNREAD = "a kind of {} that is not read ({}): save it as PNG with 8 bits a color"
NO_FORMAT = f"no {' or '.join(READ.rsplit(', ', 1))} picture"
SMALLEST = 8  # pixels a side; below this there is no picture to speak of
HEAD = 16  # bytes by which Pillow tells one format from another
SMALL_FILE = 50_000  # bytes
# Bytes of one picture file at most: as many pixels as Pillow reads (89 million), uncompressed, in
# three colors of 16 bits, are 540 MB. Some readers take a whole file into memory before they look.
LARGEST_FILE = 600_000_000
VERSION = 4  # raise it when the code below makes another picture of the same file

PHOTOGRAPH, THUMBNAIL = 224, 128  # pixels a side at which pictures are read
MEMORY = 2 * 10**9  # bytes of pixels that are held in memory at most
FEWEST_BITS = 10  # that a picture with more than 8 bits is taken to use: a black one stays dark
DARKEST = 4  # times darker than white, at most, is the brightest pixel of 32 bits
LOST = 0.1  # the share of a JPEG's rows that may be missing at its end
JPEG_END = b"\xff\xd9"
JPEG_SCAN, JPEG_TABLE, JPEG_PROGRESSIVE = b"\xff\xda", b"\xff\xc4", b"\xff\xc2"

Result = np.ndarray | str  # a picture, or the reason why there is none

# How Pillow's readers call what is whole, but of a kind that they do not know.
UNKNOWN_KINDS = (
    "unknown pixel mode", "unknown data organization", "cannot handle", "unsupported",
)  # fmt: skip
# What Pillow's readers raise for damage, beside OSError; and for all that cannot be read.
DAMAGES = (
    SyntaxError, ValueError, EOFError, MemoryError, RuntimeError, ArithmeticError, LookupError,
    TypeError, AttributeError, struct.error,
)  # fmt: skip
NO_PICTURE = (OSError, Image.DecompressionBombError, Image.DecompressionBombWarning, *DAMAGES)

SAMPLE_FORMAT = 339  # the tag of TIFF that says whether numbers have a sign; 1: they have none

_DEEP = ("I", "F")  # Pillow's modes of one number a pixel with more than 8 bits

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


def shorter_sides(
    files: Sequence[Path], most: int = 1000, tick: Callable[[int], object] = bool
) -> list[int]:
    """Return the shorter side of picture files, from their headers.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Of many, some from everywhere are looked into. What cannot be read is passed over.
    most : int
        How many are looked into at most.
    tick : callable
        Called with 0 after each, so that a progress bar can show itself.

    Returns
    -------
    list of int
        Pixels.
    """
    sides = []
    with strictly():
        for file in files[:: -(-len(files) // most) or 1]:
            with suppress(*NO_PICTURE):
                # A pipe would be waited for.
                if os.path.isfile(file) and os.path.getsize(file) <= LARGEST_FILE:
                    with Image.open(file, formats=formats()) as image:
                        sides.append(min(image.size))
            tick(0)
    return sides


def begins_as_picture(file: str | os.PathLike[str]) -> bool:
    """Say whether a file begins as a picture does, whatever its ending.

    Parameters
    ----------
    file : str or pathlib.Path
        A path. Of a large film, too, only the first bytes are read.

    Returns
    -------
    bool
        Also False for what is no file or may not be read.
    """
    return bool(_kinds(file))


def _kinds(file: str | os.PathLike[str]) -> list[str]:
    """Return the formats of which a file has the first bytes; none of what may not be read."""
    if not os.path.isfile(file):  # a pipe would be waited for
        return []
    try:
        with open(file, "rb") as opened:
            return _accepted(opened.read(HEAD))
    except OSError:
        return []


def _accepted(head: bytes) -> list[str]:
    """Ask Pillow's own readers which of them take a file, as `PIL.Image.open` does."""
    taken = []
    for name in formats():
        _, accepts = Image.OPEN[name]
        with suppress(IndexError, struct.error):
            if accepts is None or accepts(head) is True:
                taken.append(name)
    return taken


@functools.cache
def formats() -> tuple[str, ...]:
    """Return `FORMATS`, once Pillow knows how to read each of them.

    Returns
    -------
    tuple of str
        What `PIL.Image.open` takes as its `formats`.
    """
    import pillow_heif  # these imports take a tenth of a second, and emoji10 needs none
    from PIL import AvifImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    Image.preinit()
    pillow_heif.register_heif_opener()
    return FORMATS


def decode(
    files: Sequence[Path],
    size: int | None,
    *,
    cache: bool = True,
    tick: Callable[[int], object] = bool,
) -> tuple[np.ndarray, list[str | None]]:
    """Decode picture files.

    More than two gigabytes of pixels are not held in memory, but in a file without a name, which
    the system removes when nothing uses it any more.

    Parameters
    ----------
    files : sequence of pathlib.Path
        Files of one of the `FORMATS`, whatever their endings.
    size : int or None
        Height and width to scale and crop to, in pixels; None for the usual one.
    cache : bool
        Whether to keep the small pictures, and to read them where the same files were decoded
        before. Large photographs take far longer to decode than to read.
    tick : callable
        Called with 1 after each picture, and with 0 where a progress bar might show itself.

    Returns
    -------
    pictures : numpy.ndarray
        uint8 M×S×S×3: those that could be read, in the order of the files.
    reasons : list of (str or None)
        For each file why there is no picture; None where there is one.

    Raises
    ------
    OSError
        If more than two gigabytes are needed, and no disk has room for them.
    """
    size = size or usual_size(shorter_sides(files, tick=tick))
    pictures, reasons, n = _room(len(files), size), [], 0
    for first in range(0, len(files), PIECE):
        part, why = _piece(files[first : first + PIECE], size, cache, tick)
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
    try:
        paths.cache_dir().mkdir(parents=True, exist_ok=True)
        return _room_on_disk(paths.cache_dir(), shape, needed)
    except OSError:
        return _room_on_disk(tempfile.gettempdir(), shape, needed)


def _room_on_disk(
    folder: str | os.PathLike[str], shape: tuple[int, ...], needed: int
) -> np.ndarray:
    # A file may be longer than its disk has room for, and who writes into it then is ended.
    if (free := shutil.disk_usage(folder).free) < needed:
        gigabytes = f"{needed / 1e9:.1f} GB of pixels, and {free / 1e9:.1f} GB are free"
        raise OSError(errno.ENOSPC, f"no room for {gigabytes}", str(folder))
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


def _piece(
    files: Sequence[Path], size: int, cache: bool, tick: Callable[[int], object]
) -> tuple[np.ndarray, list[str | None]]:
    """Decode some files, or read what was kept of them: a run that is stopped goes on there."""
    path = cache_files.entry("pictures", _digest(files, size, tick)) if cache else None
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


def _digest(files: Sequence[Path], size: int, tick: Callable[[int], object]) -> str:
    """Hash the bytes of all pictures; what cannot be read counts by its error."""
    import pillow_heif

    versions = f"{size} {VERSION} {PIL.__version__} {pillow_heif.__version__}"
    digest = hashlib.sha256(versions.encode())
    for file in files:
        for part in _parts(file):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        digest.update(b"end")
        tick(0)
    return digest.hexdigest()


def _parts(file: Path) -> Iterator[bytes]:
    """Read a file piece by piece; of what is not decoded, such as a film, only its head."""
    if not file.is_file():
        return
    try:
        with open(file, "rb") as opened:
            yield (head := opened.read(HEAD))
            if (size := os.fstat(opened.fileno()).st_size) > LARGEST_FILE:
                yield str(size).encode()  # the reason names it
                return
            while _accepted(head) and (part := opened.read(1 << 20)):
                yield part
    except OSError as error:
        yield (error.strerror or "").encode()


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
        A file of one of the `FORMATS`, whatever its ending.
    size : int
        Height and width to scale and crop to, in pixels; 0 to leave them as they are.

    Returns
    -------
    numpy.ndarray or str
        The picture, uint8 S×S×3, without a size H×W×3; or the reason why there is none.
    """
    if not os.path.isfile(file):  # a pipe would be waited for, a device never ends
        return NO_FILE
    try:
        if (length := os.path.getsize(file)) > LARGEST_FILE and begins_as_picture(file):
            most = f"at most {LARGEST_FILE / 1e6:.0f} MB are read"
            return f"too large: a file of {length / 1e6:,.0f} MB, {most}"
        return _read(file, size)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return f"too large: more than {Image.MAX_IMAGE_PIXELS:,} pixels"
    except Image.UnidentifiedImageError:
        return _unidentified(file)
    except OSError as error:
        # An error of the disk has a number. All others are about what was read.
        return f"cannot be read: {error.strerror}" if error.errno else _damage(error)
    except DAMAGES as error:
        return _damage(error)


def _unidentified(file: Path | str) -> str:
    """Say why Pillow takes a file for no picture: `PIL.Image.open` hides what its readers say."""
    for name in (kinds := _kinds(file)):
        reader, _ = Image.OPEN[name]
        try:
            with open(file, "rb") as opened, reader(opened, os.fspath(file)):
                pass
        except NO_PICTURE as error:
            if not (said := _damage(error, name)).startswith("damaged"):
                return said
    return "damaged: only its first bytes are those of a picture" if kinds else NO_FORMAT


def _damage(error: Exception, kind: str = "picture") -> str:
    said = first_line(error)
    if said.lower().startswith(UNKNOWN_KINDS):
        return UNREAD.format(kind, said)
    return f"damaged: {said}"


def _read(file: Path | str, size: int) -> Result:
    with _open(file, size) as image:
        try:
            return square(image, size)
        except OSError as error:
            if error.errno or image.format not in ("JPEG", "MPO"):
                raise
    # A JPEG that lacks its end may be whole but for its last rows. With an end, these are gray.
    data = _without_half_a_header(Path(file).read_bytes())
    with _open(io.BytesIO(data + JPEG_END), size) as image:
        if (lost := _lost_rows(image, data, size) / image.height) > LOST:
            raise OSError(f"its end is missing, {lost:.0%} of the picture")
        log.warning("images: the end of '%s' is missing; it is read without it", file)
        return square(image, size)


def _open(file: Path | str | io.BytesIO, size: int) -> Image.Image:
    image = Image.open(file, formats=formats())
    if size and min(image.size) >= SMALLEST:
        # A JPEG decoder can shrink by 2, 4 or 8 while it reads; others ignore this.
        image.draft(None, (2 * size, 2 * size))
    return image


def _without_half_a_header(data: bytes) -> bytes:
    """Leave out the header of a JPEG's scan, or its table, if the file ends within it."""
    start = max(data.rfind(JPEG_SCAN), data.rfind(JPEG_TABLE))
    header = data[start + 2 :]  # it begins with its own length
    whole = len(header) >= 2 and len(header) >= int.from_bytes(header[:2], "big")
    return data if start < 0 or whole else data[:start]


def _lost_rows(image: Image.Image, data: bytes, size: int) -> int:
    """Count the rows at the end of a JPEG for which its bytes do not suffice.

    The decoder leaves them gray, but a picture may be gray there. So other bytes are put at the
    end: they change what is missing, and nothing else. The first of several scans, if progressive,
    holds all rows coarsely, and the second one begins after all of it.
    """
    start = data.rfind(JPEG_PROGRESSIVE)
    if image.info.get("progressive") and data.count(JPEG_SCAN, start) > 1:
        return 0
    with _open(io.BytesIO(data + bytes(range(255)) + JPEG_END), size) as other:
        changed = np.asarray(image) != np.asarray(other)
    rows = changed.reshape(image.height, -1).any(1)
    return image.height - int(rows.argmax()) if rows.any() else 0


def square(image: Image.Image, size: int) -> Result:
    """Turn an open picture upright, crop its middle to a square, scale it, and convert it to RGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode and size.
    size : int
        Height and width in pixels; 0 to leave them as they are.

    Returns
    -------
    numpy.ndarray or str
        uint8 S×S×3, without a size H×W×3; or the reason why there is none.
    """
    if min(image.size) < SMALLEST:
        return f"too small: {image.width}×{image.height}, {SMALLEST}×{SMALLEST} needed"
    deep, unsigned = _has_16_bits(image), _has_32_bits_without_sign(image)
    # A copy of a large picture is large, so none is made without need, and scaling comes first.
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        image = ImageOps.exif_transpose(image)
    picture = _with_colors(image)
    if unsigned:  # Pillow takes the upper half of these for numbers below 0
        picture = Image.fromarray(np.asarray(picture).view(np.uint32).astype(np.float32))
    black, factor = _scale(picture, deep) if deep or picture.mode in _DEEP else (0.0, 1.0)
    if factor != 1 and picture.mode not in _DEEP:
        picture = _brighter(picture, factor)
    if size and picture.size != (size, size):
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BILINEAR)
    if picture.mode in _DEEP:
        numbers = np.asarray(picture, np.float32) * np.float32(factor) - np.float32(black * factor)
        numbers = np.nan_to_num(numbers, copy=False, nan=0, posinf=0, neginf=0)
        picture = Image.fromarray(numbers.clip(0, 255).astype(np.uint8))
    return np.asarray(_to_rgb(picture))


def _with_colors(image: Image.Image) -> Image.Image:
    """Convert a mode that cannot be scaled: palettes, one transparent color, 16 bits."""
    if image.mode.startswith("I;16"):  # of either byte order
        return image.convert("I")
    if image.mode in _DEEP:
        return image
    if image.mode in ("RGB", "RGBA", "L", "LA") and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _has_16_bits(image: Image.Image) -> bool:
    """Say whether a picture comes of numbers with 16 bits; PPM files have no more."""
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        return True
    return any(";16" in str(tile.args) for tile in getattr(image, "tile", ()))


def _has_32_bits_without_sign(image: Image.Image) -> bool:
    if image.mode != "I" or image.format != "TIFF":
        return False
    tags: Any = getattr(image, "tag_v2", {})
    return tags.get(SAMPLE_FORMAT, (1,))[0] == 1


def _scale(image: Image.Image, deep: bool) -> tuple[float, float]:
    """Return the number that is black, and the factor for what lies above it.

    Black is 0, or the lowest number if that is below 0. White depends on what is used, so that no
    picture becomes black. It is decided picture by picture: one read alone looks as it does among
    others.

    Of 16 bits, cameras and scanners use 10, 12, 14 or all, and no header says which. As many are
    taken as the brightest pixel needs, but no fewer than ten: noise around black stays dark. Of 16
    bits a color, Pillow keeps the upper eight.

    Of 32 bits, white is 1 for fractions and 255 for whole numbers; the brightest number where that
    is larger; and four times the brightest where that is smaller than 1 or 255. These three meet,
    so a picture that is a little brighter never looks much darker.
    """
    if image.mode == "F":
        numbers = np.asarray(image)
        finite = np.isfinite(numbers)
        lowest = float(numbers.min(initial=np.inf, where=finite))
        highest = float(numbers.max(initial=-np.inf, where=finite))
        if not finite.any():
            lowest = highest = 0.0
    else:
        lows, highs = zip(*_extremes(image), strict=True)
        lowest, highest = min(lows), max(highs)
    black = min(lowest, 0)
    if not deep:
        usual = 1 if image.mode == "F" else 255
        white = max(highest, min(usual, DARKEST * highest))
        return black, 255 / max(white - black, 1e-30)
    kept = 0 if image.mode in _DEEP else 8
    bits = max(FEWEST_BITS, kept + max(int(highest), 0).bit_length())
    return black, 256 / (2 ** (bits + bits % 2 - kept) - black)


def _extremes(image: Image.Image) -> list[tuple[int, int]]:
    """Return the lowest and highest number of each channel but that of transparency."""
    found: Any = image.getextrema()
    pairs = found if len(image.getbands()) > 1 else [found]
    return [pair for pair, band in zip(pairs, image.getbands(), strict=True) if band != "A"]


def _brighter(image: Image.Image, factor: float) -> Image.Image:
    """Multiply all channels but that of transparency; what is above 255 becomes 255."""
    brighter = [min(int(value * factor), 255) for value in range(256)]
    tables = (range(256) if band == "A" else brighter for band in image.getbands())
    return image.point([value for table in tables for value in table])


def _to_rgb(image: Image.Image) -> Image.Image:
    """Convert to RGB; transparency is laid on white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
