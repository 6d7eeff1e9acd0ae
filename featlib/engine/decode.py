"""From a picture file to a small square RGB array, whatever the format, size and color mode."""

import errno
import functools
import hashlib
import io
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL
import torch
from PIL import ExifTags, Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from featlib.engine import cache as cache_files
from featlib.engine import containers, paths, webp
from featlib.engine.cache import PIECE
from featlib.engine.room import Room
from featlib.engine.words import printable
from featlib.engine.words import reason as first_line

# Of Pillow's formats those that are known by their first bytes and start no other program.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF", "PPM", "DIB")
NO_FILE = "no file, or a link that leads nowhere"
READ = "PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC, PPM"  # as they are called in messages
UNREAD = "a kind of {} that is not read ({}): save it as PNG with 8 bits a color"
TOO_MANY = "too large: more than {:,} pixels"
NO_FORMAT = f"no {' or '.join(READ.rsplit(', ', 1))} picture"
SMALLEST = 8  # pixels a side; below this there is no picture to speak of
HEAD = 16  # bytes by which Pillow tells one format from another
SMALL_FILE = 50_000  # bytes
# Bytes of one picture file at most: as many pixels as Pillow reads (89 million), uncompressed, in
# three colors of 16 bits, are 540 MB.
LARGEST_FILE = 600_000_000
# Of formats that are always compressed, and that a decoder takes into memory as a whole.
WHOLE, LARGEST_WHOLE = {"JPEG", "WEBP", "AVIF", "HEIF"}, 200_000_000
# Pixels of a JPEG at most: those of a camera's sensor are up to 400 million. Its decoder makes few
# of them where it can shrink by 8.
LARGEST_JPEG = 500_000_000
LARGEST_SCANS = 2_500_000_000  # pixels in all its scans, which take several seconds
VERSION = 5  # raise it when the code below makes another picture of the same file

PHOTOGRAPH, THUMBNAIL = 224, 128  # pixels a side at which pictures are read
MEMORY = 2 * 10**9  # bytes of pixels that are held in memory at most
FEWEST_BITS = 10  # that a picture with more than 8 bits is taken to use: a black one stays dark
DARKEST = 4  # times darker than white, at most, is the brightest pixel of 32 bits
JPEG_HEADER = 1_000_000  # bytes within which a JPEG names its size
LOST = 0.1  # the share of a JPEG's rows that may be missing at its end
JPEG_END = b"\xff\xd9"
JPEG_SCAN, JPEG_TABLE, JPEG_PROGRESSIVE = b"\xff\xda", b"\xff\xc4", b"\xff\xc2"

Result = np.ndarray | str  # a picture, or the reason why there is none

# How Pillow's readers call what is whole, but of a kind that they do not know.
UNKNOWN_KINDS = (
    "unknown pixel mode", "unknown data organization", "cannot handle", "unsupported",
)  # fmt: skip
# Bytes a pixel while a picture is decoded, turned and converted: the decoder's, Pillow's, a copy.
BYTES, BYTES_ELSEWHERE = {"WEBP": webp.BYTES, "AVIF": 16, "HEIF": 16}, 8
BLOCK = 1 << 26  # bytes: above 32 MB, memory goes back to the system as soon as it is free
# What all threads together hold: of files, and of pixels while they are decoded.
FILES, PIXELS = Room(LARGEST_WHOLE), Room(800_000_000)

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by EXIF's orientation
SAMPLE_FORMAT = 339  # the tag of TIFF that says whether numbers have a sign; 1: they have none

_DEEP = ("I", "F")  # Pillow's modes of one number a pixel with more than 8 bits

log = logging.getLogger("featlib")


class RefusedError(Exception):
    """A file is not decoded; the message says why."""


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
    files: Sequence[Path | bytes], most: int = 1000, tick: Callable[[int], object] = bool
) -> list[int]:
    """Return the shorter side of picture files, from their headers.

    Parameters
    ----------
    files : sequence of pathlib.Path or bytes
        As for `decode_one`. Of many, some from everywhere are looked into. What cannot be read is
        passed over.
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
            with suppress(Exception), _stream(file, JPEG_HEADER) as stream, _open(stream) as image:
                sides.append(min(image.size))
            tick(0)
    return sides


def begins_as_picture(file: str | os.PathLike[str] | bytes) -> bool:
    """Say whether a file begins as a picture does, whatever its ending.

    Parameters
    ----------
    file : str, pathlib.Path or bytes
        A path, of which only the first bytes are read; or what the file begins with.

    Returns
    -------
    bool
        Also False for what is no file or may not be read.
    """
    return bool(_kinds(file))


def _kinds(file: str | os.PathLike[str] | bytes) -> list[str]:
    """Return the formats of which a file has the first bytes; none of what may not be read."""
    with suppress(OSError, RefusedError), _bytes_of(file) as opened:
        return _accepted(opened.read(HEAD))
    return []


def _bytes_of(file: str | os.PathLike[str] | bytes) -> BinaryIO:
    """Open a file, or one that lies in memory."""
    if isinstance(file, bytes):
        return io.BytesIO(file)
    if not os.path.isfile(file):  # a pipe would be waited for, a device never ends
        raise RefusedError(NO_FILE)
    return open(file, "rb")


def _accepted(head: bytes) -> list[str]:
    """Ask Pillow's own readers which of them take a file, as `PIL.Image.open` does."""
    taken = []
    for name in formats():
        _, accepts = Image.OPEN[name]
        with suppress(Exception):  # too few bytes, mostly
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

    # Pillow asks for 16 MB at a time, which the C library keeps for the thread that frees them.
    Image.core.set_block_size(BLOCK)
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
    if not os.path.isfile(file):
        return
    try:
        with open(file, "rb") as opened:
            yield (head := opened.read(HEAD))
            kinds, size = _accepted(head), os.fstat(opened.fileno()).st_size
            if size > _largest(kinds):
                yield str(size).encode()  # the reason names it
                return
            while kinds and (part := opened.read(1 << 20)):
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
    sizes = []
    for file in files:
        with suppress(OSError, ValueError):  # ValueError: no name that a file can have
            sizes.append(os.path.getsize(file))
    return sum(sizes) < SMALL_FILE * len(sizes)


def decode_one(file: Path | str | bytes, size: int) -> Result:
    """Decode one picture file; call it within `strictly`.

    Parameters
    ----------
    file : pathlib.Path, str or bytes
        The path of a file of one of the `FORMATS`, whatever its ending; or the file itself.
    size : int
        Height and width to scale and crop to, in pixels; 0 to leave them as they are.

    Returns
    -------
    numpy.ndarray or str
        The picture, uint8 S×S×3, without a size H×W×3; or the reason why there is none.
    """
    try:
        with _stream(file) as stream:
            return _read(stream, size, "a picture in memory" if isinstance(file, bytes) else file)
    except RefusedError as why:
        return str(why)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_MANY.format(Image.MAX_IMAGE_PIXELS)
    except OSError as error:
        # An error of the disk has a number. All others are about what was read.
        return f"cannot be read: {error.strerror}" if error.errno else _damage(error)
    except MemoryError:
        return "too large: there is no memory for it"
    except Exception as error:  # whatever a decoder raises, only this one file is lost
        return _damage(error)


def _damage(error: Exception, kind: str = "picture") -> str:
    said = printable(first_line(error))
    if said.lower().startswith(UNKNOWN_KINDS):
        return UNREAD.format(kind, said)
    return f"damaged: {said}"


def _largest(kinds: Sequence[str]) -> int:
    return LARGEST_FILE if WHOLE.isdisjoint(kinds) else LARGEST_WHOLE


@contextmanager
def _stream(file: Path | str | bytes, jpeg_header: int = -1) -> Iterator[BinaryIO]:
    """Open a file that may hold a picture; of a JPEG read no more than so many bytes."""
    with _bytes_of(file) as opened:
        kinds, length = _accepted(opened.read(HEAD)), opened.seek(0, os.SEEK_END)
        if not kinds:
            raise RefusedError(NO_FORMAT)
        if length > (largest := _largest(kinds)):
            most = f"at most {largest / 1e6:.0f} MB are read"
            raise RefusedError(f"too large: a file of {length / 1e6:,.0f} MB, {most}")
        if WHOLE.isdisjoint(kinds):
            yield opened
            return
        if kinds != ["JPEG"] and (fault := containers.fault(opened, length)):
            raise RefusedError(fault)
        with FILES.hold(length):
            opened.seek(0)
            yield io.BytesIO(opened.read(jpeg_header if kinds == ["JPEG"] else length))


def opened(data: bytes) -> Image.Image:
    """Open a picture that lies in memory; its pixels are decoded when they are used.

    Parameters
    ----------
    data : bytes
        A file of one of the `FORMATS`.

    Returns
    -------
    PIL.Image.Image
        The first one of several.

    Raises
    ------
    RefusedError
        If it is no picture, or of a kind that is not read; the message says why.
    ValueError
        If it is a JPEG of far too many parts.
    PIL.Image.DecompressionBombError
        If it has more pixels than Pillow reads.
    """
    image = _open(io.BytesIO(data))
    _shrink(image, 0)
    return image


def _is_jpeg(stream: BinaryIO) -> bool:
    stream.seek(0)
    return _accepted(stream.read(HEAD)) == ["JPEG"]


def _open(stream: BinaryIO) -> Image.Image:
    """Open a picture, of which only the header is read; of a JPEG it may have any size."""
    if _is_jpeg(stream):
        stream.seek(0)
        return _open_jpeg(stream.read())[0]
    try:
        return Image.open(stream, formats=formats())
    except (Image.UnidentifiedImageError, SyntaxError):
        raise RefusedError(_unidentified(stream)) from None


def _open_jpeg(data: bytes) -> tuple[JpegImageFile, int]:
    """Open the first picture of a JPEG and count its scans; its decoder may shrink it later."""
    scans = containers.jpeg_scans(data)
    try:
        return JpegImageFile(io.BytesIO(data)), scans
    except SyntaxError:
        raise RefusedError(_unidentified(io.BytesIO(data))) from None


def _unidentified(stream: BinaryIO) -> str:
    """Say why Pillow takes a file for no picture: `PIL.Image.open` hides what its readers say."""
    stream.seek(0)
    for name in (kinds := _accepted(stream.read(HEAD))):
        reader, _ = Image.OPEN[name]
        stream.seek(0)
        try:
            reader(stream, "")
        except Exception as error:
            if not (said := _damage(error, name)).startswith("damaged"):
                return said
    return containers.NOTHING_BEHIND if kinds else NO_FORMAT


def _read(stream: BinaryIO, size: int, file: Path | str) -> Result:
    if _is_jpeg(stream):
        stream.seek(0)
        return _read_jpeg(stream.read(), size, file)
    with _open(stream) as image:
        _shrink(image, size)
        with PIXELS.hold(_cost(image)):
            if image.format != "WEBP":
                return _square(image, size)
            stream.seek(0)
            return _square(webp.still(image, stream.read()), size)


def _read_jpeg(data: bytes, size: int, file: Path | str) -> Result:
    image, scans = _open_jpeg(data)
    coefficients = _coefficients(image, scans)
    _shrink(image, size)
    with image, PIXELS.hold(_cost(image) + coefficients):
        try:
            return _square(image, size)
        except OSError as error:
            if error.errno:
                raise
        return _without_its_end(data, size, file)


def _coefficients(image: JpegImageFile, scans: int) -> int:
    """Return the bytes that a JPEG's decoder keeps of all its pixels, however it shrinks them."""
    if image.width * image.height > LARGEST_JPEG:
        raise RefusedError(TOO_MANY.format(LARGEST_JPEG))
    if scans * image.width * image.height > LARGEST_SCANS:
        raise RefusedError(f"too large: {scans} scans of {image.width}×{image.height} pixels")
    if scans <= 1:
        return 0
    sampling = [across * down for _, across, down, _ in image.layer]
    needed = 2 * image.width * image.height * sum(sampling) // max(1, *sampling)
    if needed > PIXELS.most:
        raise RefusedError(f"{TOO_MANY.format(PIXELS.most // 6)} in {scans} scans")
    return needed


def _shrink(image: Image.Image, size: int) -> None:
    """Let a JPEG shrink by 2, 4 or 8 while it is decoded, and judge what then comes of it.

    Of a HEIC, a preview is taken that is large enough. Other formats ignore this.
    """
    if size and min(image.size) >= SMALLEST:
        image.draft(None, (2 * size, 2 * size))
    most = Image.MAX_IMAGE_PIXELS
    if most and image.width * image.height > most:
        raise Image.DecompressionBombError


def _cost(image: Image.Image) -> int:
    """Return the bytes that a picture takes while it is decoded and made small, at most."""
    return image.width * image.height * BYTES.get(image.format or "", BYTES_ELSEWHERE)


def _without_its_end(data: bytes, size: int, file: Path | str) -> Result:
    """Read a JPEG that may be whole but for its last rows. With an end, these are gray."""
    data = _without_half_a_header(data)
    image, _ = _open_jpeg(data + JPEG_END)
    with image:
        _shrink(image, size)
        if (lost := _lost_rows(image, data, size) / image.height) > LOST:
            raise OSError(f"its end is missing, {lost:.0%} of the picture")
        log.warning("images: the end of '%s' is missing; it is read without it", file)
        return _square(image, size)


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
    other, _ = _open_jpeg(data + bytes(range(255)) + JPEG_END)
    with other:
        _shrink(other, size)
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
    with PIXELS.hold(_cost(image)):
        return _square(image, size)


def _square(image: Image.Image, size: int) -> Result:
    if min(image.size) < SMALLEST:
        return f"too small: {image.width}×{image.height}, {SMALLEST}×{SMALLEST} needed"
    deep, unsigned = _has_16_bits(image), _has_32_bits_without_sign(image)
    # A copy of a large picture is large, so none is made without need, and scaling comes first.
    image.load()  # which turns a TIFF
    if (turn := TURNS.get(orientation(image))) is not None:
        image = image.transpose(turn)
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


def orientation(image: Image.Image) -> int:
    """Read from EXIF how a picture is to be turned, and nothing else.

    Parameters
    ----------
    image : PIL.Image.Image
        With or without EXIF, whole or damaged.

    Returns
    -------
    int
        1 to 8, as EXIF has it; 1 for a picture that is upright, or does not say.
    """
    with suppress(Exception):  # EXIF may hold anything
        value = image.getexif().get(ExifTags.Base.Orientation)
        if isinstance(value, int) and value in TURNS:
            return value
    return 1


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
