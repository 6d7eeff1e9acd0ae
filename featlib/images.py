"""Stage 1: color images, their labels, and the split into training and validation.

Every source returns the same kind of object, an `ImageSet`: uint8 N×3×H×W, one int64 label for each
image, and two lists of row numbers that share no image.
"""

import hashlib
import io
import logging
import os
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache as remember
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, Literal, cast
from unicodedata import normalize

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load as load_tensors

from featlib import checks, variants
from featlib.engine import cache, convert, own_picture, paths
from featlib.engine.assets import read_published
from featlib.engine.decode import (
    NO_FORMAT,
    READ,
    SMALLEST,
    begins_as_picture,
    decode,
    decode_one,
    square,
    strictly,
)
from featlib.engine.folders import Entry, Listing
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import (
    describe,
    is_array,
    is_pillow_image,
    is_tensor,
    printable,
    readable,
    reason,
    say_once,
    shape_text,
)

__all__ = [
    "EMOJI3D",
    "EMOJI10",
    "NAMES",
    "ImageSet",
    "from_arrays",
    "from_folder",
    "load",
    "my_caption",
    "my_picture",
    "read_picture",
]

EMOJI10 = Path(__file__).parent / "assets" / "emoji10.safetensors"
EMOJI3D = Path(__file__).parent / "assets" / "emoji3d.zip"
_DATASETS = {"cifar10": "CIFAR10", "fashion_mnist": "FashionMNIST"}  # torchvision's class of each
_SIZES = {"cifar10": 50_000, "fashion_mnist": 60_000}  # images to train on
NAMES = ("emoji10", "emoji3d", *_DATASETS)
_SHOWN = 20  # classes in a contact sheet
_ARRAY = "Pass an array N×3×H×W, such as numpy.zeros((10, 3, 64, 64), numpy.uint8)."
_MOST = 0.9  # the largest share for validation
_NAMED = 20  # classes in a message
_AIMS = {"train": "training", "validation": "validation", "test": "testing"}  # of each side
_LARGEST = 4096  # pixels a side: one image is then 50 MB
_CAT = "cat face"  # the picture that travels through the lesson: no split trains on it

_Rows = torch.Tensor | np.ndarray | Sequence[int]

log = logging.getLogger("featlib")


@dataclass(frozen=True, repr=False, eq=False)
class ImageSet:
    """Images with labels, class names, and a split.

    Pixels, labels and rows may be given in other plain forms, such as lists and NumPy arrays; see
    `from_arrays`. A set equals itself alone: compare the pixels of two with `torch.equal`.

    Attributes
    ----------
    name : str
        Where the images come from.
    pixels : torch.Tensor
        uint8 N×3×H×W, values 0–255.
    labels : torch.Tensor
        int64 N, class numbers from 0.
    classes : tuple of str
        The name of each class number.
    train, validation : torch.Tensor
        int64 row numbers of the two sides of the split, at least one each.
    captions : tuple of str
        What each image shows: an emoji's name, or a file's.
    skipped : tuple of (str, str)
        Files that were left out, each with its reason.
    groups : torch.Tensor
        int64 N: images with the same number show the same thing, such as two drawings of one emoji.
        An honest split keeps a group on one side. Left out, each image is a group of its own.

    Raises
    ------
    featlib.FeatlibError
        If the parts do not fit together, or a row is on both sides of the split.

    Examples
    --------
    >>> from featlib import images
    >>> pictures = images.load("emoji10")
    >>> pictures
    ImageSet('emoji10': 1000×3×64×64 uint8, 10 classes, 800 training + 200 validation)
    >>> pictures.pixels[pictures.train].shape
    torch.Size([800, 3, 64, 64])
    """

    name: str
    pixels: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    train: torch.Tensor
    validation: torch.Tensor
    captions: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    groups: torch.Tensor = None  # type: ignore[assignment]  # filled in below

    def __post_init__(self) -> None:
        checks.instance(self.name, str, "ImageSet", "name as text", 'Try name="mine".')
        where = f"ImageSet '{self.name}'"
        classes = checks.classes(self.classes, where)
        pixels = _plain_pixels(self.pixels, where)
        n = len(pixels)
        plain = {
            "classes": classes,
            "pixels": pixels,
            "labels": _plain_labels(self.labels, n, classes, where),
            "train": _rows(self.train, where, "train", n),
            "validation": _rows(self.validation, where, "validation", n),
            "captions": _captions(self.captions, where, n),
            "skipped": _skipped(self.skipped, where),
            "groups": _groups(self.groups, n, where),
        }
        for field, value in plain.items():
            object.__setattr__(self, field, value)
        rows, counts = torch.cat([self.train, self.validation]).unique(return_counts=True)
        if len(twice := rows[counts > 1]):
            checks.refuse(
                where,
                f"a split into different rows from 0 to {n - 1}",
                f"used twice: {_some([str(row) for row in twice.tolist()])}",
                "A row on both sides leaks what is tested into training: leave it out of one.",
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return (
            f"ImageSet('{printable(self.name)}': {shape_text(self.pixels.shape)} uint8, "
            f"{len(self.classes)} classes, {len(self.train)} training + "
            f"{len(self.validation)} validation)"
        )

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show a small grid in a notebook: up to eight images of each class, a class a row."""
        seen = self.labels.unique().tolist()
        shown = ", ".join(self.classes[k] for k in seen[:_SHOWN])
        more = f", and {len(seen) - _SHOWN} more that are not shown" if len(seen) > _SHOWN else ""
        alt = f"{self!r}. A row of images for each class: {shown}{more}."
        data = {"text/plain": repr(self), "image/png": self.contact_sheet()}
        return data, {"image/png": {"alt": alt}}

    def contact_sheet(self, columns: int = 8) -> bytes:
        """Draw the first images of each of the first twenty classes, a class a row.

        Parameters
        ----------
        columns : int
            Images a row.

        Returns
        -------
        bytes
            A PNG file.

        Raises
        ------
        featlib.FeatlibError
            If `columns` is no whole number from 1 to 100.

        Examples
        --------
        >>> import io
        >>> from PIL import Image
        >>> from featlib import images
        >>> sheet = images.load("emoji10").contact_sheet(columns=4)
        >>> Image.open(io.BytesIO(sheet)).size  # ten rows of four, 64 pixels and a gap of 4 each
        (268, 676)
        """
        checks.whole_number(columns, "ImageSet.contact_sheet", "columns", high=100)
        height, width = self.pixels.shape[2:]
        gap = 4
        shown = self.labels.unique()[:_SHOWN]  # a class may have no image: emoji3d has no flag
        size = (columns * (width + gap) - gap, len(shown) * (height + gap) - gap)
        sheet = Image.new("RGBA", size)
        for row, k in enumerate(shown):
            for column, i in enumerate((self.labels == k).nonzero().flatten()[:columns]):
                sheet.paste(self.picture(int(i)), (column * (width + gap), row * (height + gap)))
        file = io.BytesIO()
        sheet.save(file, format="PNG")
        return file.getvalue()

    def picture(self, i: int) -> Image.Image:
        """Return one image as a Pillow picture.

        Parameters
        ----------
        i : int
            The row, from 0; a negative one counts from the end.

        Returns
        -------
        PIL.Image.Image
            RGB, W×H pixels.

        Raises
        ------
        featlib.FeatlibError
            If there is no such row.

        Examples
        --------
        >>> from featlib import images
        >>> images.load("emoji10").picture(0).size
        (64, 64)
        """
        if (is_array(i) or (is_tensor(i) and not i.is_meta)) and i.ndim == 0:
            i = i.item()
        last = len(self) - 1
        i = checks.whole_number(i, "ImageSet.picture", "i", low=-len(self), high=last)
        return Image.fromarray(self.pixels[i].permute(1, 2, 0).contiguous().numpy())

    def find(self, word: str, split: Literal["train", "validation"] = "validation") -> list[int]:
        """Return the rows of a split whose caption holds a word.

        Parameters
        ----------
        word : str
            For example ``"cat"``; a whole word, in any case.
        split : {"train", "validation"}
            The side to search.

        Returns
        -------
        list of int
            Row numbers, in the order of the split.

        Raises
        ------
        featlib.FeatlibError
            If there is no such split, or `word` is no text.

        Examples
        --------
        >>> from featlib import images
        >>> pictures = images.load("emoji10")
        >>> row = pictures.find("cat")[0]
        >>> pictures.classes[pictures.labels[row]]
        'animal'
        """
        checks.one_of(split, "ImageSet.find", "split", ("train", "validation"))
        checks.instance(word, str, "ImageSet.find", "a word", 'Pass text, such as "cat".')
        rows = getattr(self, split).tolist()
        return [i for i in rows if word.lower() in self.captions[i].lower().split()]


def load(
    name: str = "emoji10",
    *,
    n: int | None = None,
    size: int = 64,
    seed: int = 0,
    variant: str | None = None,
) -> ImageSet:
    """Return one of the known image sets.

    Parameters
    ----------
    name : {"emoji10", "emoji3d", "cifar10", "fashion_mnist"}
        ``"emoji10"`` is bundled and needs no network. So is ``"emoji3d"``: 677 of the same emoji,
        without flags, drawn by another artist in three dimensions. The others are downloaded by
        torchvision on first use, into the cache folder (`featlib doctor` says where), with their
        checksums verified.
    n : int, optional
        For the downloaded sets: how many images, drawn evenly from the classes; at least 20, and at
        most the 50,000 of cifar10 and the 60,000 of fashion_mnist. Left out, 1000.
    size : int
        Height and width in pixels to resize to. emoji10 is always 64×64.
    seed : int
        For the downloaded sets: the seed of the draw and of the split.
    variant : str, optional
        For the bundled sets: a name from which another split follows, as for `variants.name`; an
        empty text for the split that comes with them. Left out, what `variants.current` says.

    Returns
    -------
    ImageSet
        uint8 N×3×H×W; 80% for training and 20% for validation, evenly over the classes. An emoji
        that emoji10 validates on, emoji3d validates on, too.

    Raises
    ------
    featlib.FeatlibError
        If the name is unknown, a number is out of range, a bundled file is altered, or a download
        fails.

    Examples
    --------
    >>> from featlib import images
    >>> pictures = images.load("emoji10")
    >>> pictures.pixels.shape, pictures.pixels.dtype
    (torch.Size([1000, 3, 64, 64]), torch.uint8)
    >>> pictures.classes[:3]
    ('animal', 'face', 'food')
    """
    where = "images.load"
    checks.one_of(name, where, "name", NAMES)
    checks.whole_number(size, where, "size", low=SMALLEST, high=_LARGEST)
    _seed(seed, where)
    if name not in _DATASETS:
        return _load_bundled(name, n, size, _variant(variant))
    n = checks.whole_number(1000 if n is None else n, where, "n", low=20, high=_SIZES[name])
    from sklearn.utils import resample  # see _split

    dataset = _download(name)
    targets = np.asarray(dataset.targets)
    everything = np.arange(len(targets))
    rows: Any = resample(
        everything, replace=False, n_samples=n, random_state=seed, stratify=targets
    )
    pixels = torch.as_tensor(np.asarray(dataset.data)[rows])
    pixels = (
        pixels.permute(0, 3, 1, 2) if pixels.ndim == 4 else pixels[:, None].expand(-1, 3, -1, -1)
    )
    labels = torch.as_tensor(dataset.targets, dtype=torch.int64)[torch.as_tensor(rows)]
    captions = tuple(f"{dataset.classes[k]} {i}" for i, k in zip(rows, labels, strict=True))
    return from_arrays(
        _resize(pixels, size), labels, dataset.classes, name=name, captions=captions, seed=seed
    )


def from_arrays(
    pixels: torch.Tensor | np.ndarray | Sequence[Any],
    labels: torch.Tensor | np.ndarray | Sequence[Any],
    classes: Sequence[str],
    *,
    validation: float | _Rows = 0.2,
    seed: int = 0,
    name: str = "arrays",
    captions: Sequence[str] | None = None,
    skipped: Sequence[tuple[str, str]] = (),
    groups: _Rows | Sequence[str] | None = None,
) -> ImageSet:
    """Make an image set from arrays that are already in memory.

    Parameters
    ----------
    pixels : torch.Tensor, numpy.ndarray or sequence
        uint8 N×3×H×W; or what is that beyond doubt: N×H×W×3, gray N×H×W, numbers from 0 to 1, a
        list of Pillow pictures of one size.
    labels : torch.Tensor, numpy.ndarray or sequence
        Class numbers from 0, N whole numbers of any dtype; or N names of classes.
    classes : sequence of str
        The name of each class number.
    validation : float, torch.Tensor, numpy.ndarray or sequence of int
        The share of each class that is kept for validation, above 0 and at most 0.9; or a split of
        your own: the row numbers of the images to validate on. All others are trained on.
    seed : int
        The seed of the split.
    name : str
        What to call the set.
    captions : sequence of str, optional
        A name an image.
    skipped : sequence of (str, str)
        Files that were left out, each with its reason.
    groups : torch.Tensor, numpy.ndarray or sequence of int or str, optional
        What each image shows: N numbers or names, the same for two photographs of one cup, say.
        A group is kept on one side of the split; the share for validation is one of groups.

    Returns
    -------
    ImageSet
        With these pixels and labels, uint8 N×3×H×W and int64 N. Each class is on both sides of the
        split, unless the split is your own.

    Raises
    ------
    featlib.FeatlibError
        If the arrays do not fit together, or a class has fewer than two images, or two groups.

    Examples
    --------
    >>> import torch
    >>> from featlib import images
    >>> pixels = torch.zeros(10, 3, 64, 64, dtype=torch.uint8)
    >>> images.from_arrays(pixels, torch.arange(10) % 2, ["cat", "dog"], name="pets")
    ImageSet('pets': 10×3×64×64 uint8, 2 classes, 8 training + 2 validation)
    >>> images.from_arrays(pixels, ["cat", "dog"] * 5, ["cat", "dog"], validation=[7, 8, 9])
    ImageSet('arrays': 10×3×64×64 uint8, 2 classes, 7 training + 3 validation)
    >>> cups = images.from_arrays(pixels, [0] * 5 + [1] * 5, ["cup", "mug"], groups="aabbcddeff")
    >>> set(cups.groups[cups.train].tolist()) & set(cups.groups[cups.validation].tolist())
    set()
    """
    checks.instance(name, str, "images.from_arrays", "name as text", 'Try name="mine".')
    where = f"images '{name}'"
    classes = checks.classes(classes, where)
    pixels = _plain_pixels(pixels, where)
    labels = _plain_labels(labels, len(pixels), classes, where)
    numbers = _groups(groups, len(pixels), where)
    if isinstance(validation, (Real, str)) or validation is None:
        train, held_out = _split(labels, numbers, classes, validation, seed, where)
    else:
        held_out = _rows(validation, where, "validation", len(pixels))
        train = _others(held_out, len(pixels))
        if not len(train):
            wanted = "validation to leave at least one row to train on"
            checks.refuse(where, wanted, f"all {len(pixels)} rows", "Leave some of them out.")
    if captions is None:
        captions = [f"image {i}" for i in range(len(pixels))]
    names, left_out = _captions(captions, where, len(pixels)), _skipped(skipped, where)
    return ImageSet(name, pixels, labels, classes, train, held_out, names, left_out, numbers)


def from_folder(
    path: str | Path | None = None,
    *,
    train: str | Path | None = None,
    validation: float | str | Path = 0.2,
    size: int | None = None,
    seed: int = 0,
    cache: bool = True,
    progress: bool = True,
) -> ImageSet:
    """Read anyone's own pictures: one folder a class, as torchvision's `ImageFolder` has it.

    Pictures of any size are scaled so that their shorter side fits, and cropped in the middle. EXIF
    rotation is applied, and transparency is laid on white. Gray, CMYK, palette and 16-bit pictures
    are converted: of 16 bits, those that the picture uses are taken, but no fewer than ten. Of an
    animation the first frame is taken.

    What is read: PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC and PPM files, whatever their endings,
    in the folder of a class and its subfolders. Links are followed. Where the classes lie in a
    single folder within the folder, that one is read. Where the folder is split already, into
    ``train``, ``val`` and ``test``, above the classes or within each of them, the first two are the
    sides of the split, and ``test`` is left out. Other names for them are known, such as
    ``training_set`` and ``dev``. Both are said in a line of the log.

    What is left out: files that cannot be read, second copies of a picture, and pictures that lie
    in no folder of a class, or beside the sides of a split, are listed in `ImageSet.skipped`, each
    with its reason. Sides that are not asked for are counted in the log. Hidden files, and what
    systems put beside them (``Thumbs.db``, ``__MACOSX``), are passed over. A JPEG of which only the
    end is missing is read, and named in the log when it is decoded.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        The folder; its subfolders are the classes.
    train : str or pathlib.Path, optional
        The same: the folder to train on, where there is another one for `validation`.
    validation : float, str or pathlib.Path
        The share of each class that is kept for validation, above 0 and at most 0.9; or a folder
        with the same classes to validate on. A share is not used where the folder is split already.
    size : int, optional
        Height and width in pixels. Left out, it is 224, at which the bundled network met its
        photographs; or 128 where most pictures are smaller than 112 pixels on the shorter side.
    seed : int
        The seed of the split.
    cache : bool
        Whether to keep the decoded pictures, so that the same files are not decoded twice.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    ImageSet
        uint8 N×3×S×S with S = `size`; the classes are the names of the folders, sorted as text: 1,
        10, 2. More than two gigabytes of pixels lie in a temporary file instead of in memory.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, there are fewer than two classes, a class has too few pictures
        that can be read, or the classes of the two sides differ.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from featlib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("cat", "dog"):
    ...         Path(folder, name).mkdir()
    ...         for i in range(5):
    ...             color = (50 * i, 0, 0) if name == "cat" else (0, 0, 50 * i)
    ...             Image.new("RGB", (400, 300), color).save(Path(folder, name, f"{i}.png"))
    ...     pictures = images.from_folder(folder, cache=False, progress=False)
    >>> pictures.pixels.shape, pictures.classes
    (torch.Size([9, 3, 224, 224]), ('cat', 'dog'))
    >>> pictures.skipped  # both classes have a black picture
    (('dog/0.png', 'same picture as cat/0.png'),)
    """
    where = "images.from_folder"
    if (path is None) == (train is None):
        wanted = "one folder to train on"
        got = "none" if path is None else f"{describe(path)} and train={describe(train)}"
        fix = "Try from_folder(path), or from_folder(train=path, validation=other_path)."
        checks.refuse(where, wanted, got, fix)
    if size is not None:
        checks.whole_number(size, where, "size", low=SMALLEST, high=_LARGEST)
    split: Any = validation  # a share; or else rows, once it is known what can be read
    if not _is_path(validation):
        checks.number(split, where, "validation", low=0, high=_MOST, above=True)
    _seed(seed, where)
    checks.switch(cache, where, "cache")
    checks.switch(progress, where, "progress")
    root = checks.folder(cast("str | Path", path if train is None else train), where, "pictures")
    with progress_bar("listing", 0, "file", progress) as listed:
        found = _find(root, validation, where, listed.update)
    files = [entry.path for entry in found.entries]
    try:
        with progress_bar("pictures", len(files), "file", progress) as done:
            if not done.disable:
                done.start_t = listed.start_t  # it shows itself after two seconds of both
            pictures, reasons = decode(files, size, cache=cache, tick=done.update)
    except OSError as error:
        wanted = "a disk with room for pictures that memory does not hold"
        fix = "Make room, choose another disk with FEATLIB_CACHE_DIR, or pass a smaller size."
        checks.refuse(where, wanted, str(error), fix)
    kept, skipped = _without_copies(found.entries, pictures, reasons)
    skipped = [*found.skipped, *skipped]
    _check_counts(found, kept, skipped, where)
    if len(found.sides) == 2:
        split = [i for i, entry in enumerate(kept) if entry.split == "validation"]
    return from_arrays(
        pictures[: len(kept)].transpose(0, 3, 1, 2),
        [found.classes.index(str(entry.label)) for entry in kept],
        found.classes,
        validation=split,
        seed=seed,
        name=readable(root.name or root),
        captions=[entry.name for entry in kept],
        skipped=skipped,
    )


def read_picture(path: str | Path, size: int | None = None) -> torch.Tensor:
    """Read one picture as `from_folder` does.

    Parameters
    ----------
    path : str or pathlib.Path
        A PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF, HEIC or PPM file, whatever its ending.
    size : int, optional
        Height and width in pixels; left out, as for a folder with this picture alone.

    Returns
    -------
    torch.Tensor
        uint8 3×S×S with S = `size`.

    Raises
    ------
    featlib.FeatlibError
        If the file cannot be read as a picture.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from featlib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (300, 200), "red").save(Path(folder, "red.png"))
    ...     picture = images.read_picture(Path(folder, "red.png"))
    >>> picture.shape, picture[:, 0, 0].tolist()
    (torch.Size([3, 224, 224]), [255, 0, 0])
    """
    where = "images.read_picture"
    path = checks.file(path, where, "a picture")
    if size is not None:
        checks.whole_number(size, where, "size", low=SMALLEST, high=_LARGEST)
    found, [reason] = decode([path], size, cache=False)
    if reason:
        checks.refuse(where, f"a picture in '{path}'", reason, "Try another file.")
    return torch.from_numpy(found[0]).permute(2, 0, 1).contiguous()


def my_picture(size: int = 64) -> torch.Tensor:
    """Return the picture that travels through the lesson: the learner's own, or the cat.

    `featlib.show_my_picture` takes one. It is kept in the learner's data folder until it is removed
    there, and is sent nowhere else.

    Parameters
    ----------
    size : int
        Height and width in pixels.

    Returns
    -------
    torch.Tensor
        uint8 3×S×S with S = `size`. Without a picture, or where its file is damaged, the cat of
        emoji10.

    Raises
    ------
    featlib.FeatlibError
        If the size is out of range.

    Examples
    --------
    >>> from featlib import images
    >>> images.my_picture().shape
    torch.Size([3, 64, 64])
    """
    checks.whole_number(size, "images.my_picture", "size", low=SMALLEST, high=_LARGEST)
    own = _own_picture(size)
    if own is not None:
        return own
    pictures = _load_emoji10("")
    row = pictures.captions.index(_CAT)
    return _resize(pictures.pixels[row : row + 1], size)[0]


def my_caption() -> str:
    """Say what `my_picture` shows.

    Returns
    -------
    str
        ``your picture``, or ``cat face`` where there is none.

    Examples
    --------
    >>> from featlib import images
    >>> images.my_caption() in ("cat face", "your picture")
    True
    """
    return _CAT if _own_picture(SMALLEST) is None else "your picture"


def _own_picture(size: int) -> torch.Tensor | None:
    """Return the learner's picture, uint8 3×S×S; None where there is none that can be read."""
    if not own_picture.is_kept():
        return None
    try:
        return read_picture(own_picture.file(), size)
    except checks.FeatlibError as error:
        fix = "choose it again with featlib.show_my_picture()"
        say_once(f"images: your picture is damaged, so the cat takes its place; {fix} ({error})")
        return None


def _variant(given: str | None) -> str:
    """Return the variant that is meant; say which, where the learner's own is."""
    if given is not None:
        return variants.name(given, "images.load")
    if found := variants.current():
        say_once(f"images: your variant is '{found}': 200 pictures of its own to validate on")
    return found


def _load_bundled(name: str, n: int | None, size: int, variant: str) -> ImageSet:
    load = _load_emoji10 if name == "emoji10" else partial(_load_emoji3d, size)
    pictures = load(variant)
    where = f"images.load('{name}')"
    if n is not None and checks.whole_number(n, where, "n") != len(pictures):
        fix = "Leave n out; images.from_arrays makes a set of some of the images."
        checks.refuse(where, f"all of its {len(pictures)} images", f"n={n}", fix)
    if pictures.pixels.shape[-1] != size:
        fix = 'Leave size out, or use images.load("emoji3d", size=...).'
        checks.refuse(where, "size=64, at which it is drawn", f"size={size}", fix)
    return pictures


def _read_bundled(file: Path) -> tuple[dict[str, Any], bytes]:
    """Return the card of a bundled set, and its bytes: those that were checked."""
    where = f"images.load('{file.stem}')"
    try:
        card = read_published(file.with_suffix(".json"))
        content = file.read_bytes()
    except (OSError, ValueError) as error:
        got, fix = reason(error), "Reinstall featlib: pip install --force-reinstall featlib."
        checks.refuse(where, f"the set as it comes with featlib in '{file.parent}'", got, fix)
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        fix = "Reinstall featlib: pip install --force-reinstall featlib."
        checks.refuse(where, f"'{file}' with its checksum", "an altered or cut file", fix)
    return card, content


def _load_emoji10(variant: str) -> ImageSet:
    card, content = _read_bundled(EMOJI10)
    tensors = load_tensors(content)
    captions = tuple(picture["name"] for picture in card["pictures"])
    train, validation = tensors["train"], tensors["validation"]
    groups = [picture["group"] for picture in card["pictures"]]
    if variant:
        drawn = _held_out(variant, card, tensors["labels"], validation)
        side = torch.tensor([group in drawn for group in groups])
        train, validation = (~side).nonzero().flatten(), side.nonzero().flatten()
    return ImageSet(
        "emoji10",
        tensors["pixels"],
        tensors["labels"],
        card["classes"],
        train,
        validation,
        captions,
        groups=_numbered(groups),
    )


def _held_out(
    variant: str, card: dict[str, Any], labels: torch.Tensor, validation: torch.Tensor
) -> set[str]:
    """Draw a variant's groups: as many pictures of each class as the bundled split holds out."""
    pictures, room = card["pictures"], labels[validation].bincount().tolist()
    groups = [picture["group"] for picture in pictures]
    cat = next(picture["group"] for picture in pictures if picture["name"] == _CAT)
    return variants.held_out(groups, labels.tolist(), room, cat, variant)


def _load_emoji3d(size: int, variant: str) -> ImageSet:
    card, content = _read_bundled(EMOJI3D)
    found = card["pictures"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = [io.BytesIO(archive.read(picture["file"])) for picture in found]
    pixels = np.stack([square(Image.open(file), size) for file in files])
    # The classes are those of emoji10, so that one head serves both; none of these is a flag.
    classes = _read_bundled(EMOJI10)[0]["classes"]
    labels = [classes.index(card["classes"][picture["label"]]) for picture in found]
    held_out = torch.tensor([picture["validation"] for picture in found])
    if variant:  # the emoji that this variant of emoji10 validates on
        card, content = _read_bundled(EMOJI10)
        tensors = load_tensors(content)
        drawn = _held_out(variant, card, tensors["labels"], tensors["validation"])
        held_out = torch.tensor([picture["group"] in drawn for picture in found])
    return ImageSet(
        "emoji3d",
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(labels),
        classes,
        (~held_out).nonzero().flatten(),
        held_out.nonzero().flatten(),
        tuple(picture["name"] for picture in found),
        groups=_numbered([picture["group"] for picture in found]),
    )


def _download(name: str) -> Any:
    from torchvision import datasets  # takes a second to import, and emoji10 does not need it

    try:
        folder = paths.cache_dir() / "datasets"
        with _inside_its_folder():
            found = getattr(datasets, _DATASETS[name])(folder, download=True)
        cache.share(folder, *folder.rglob("*"))
        return found
    except (OSError, RuntimeError, tarfile.TarError) as error:
        checks.refuse(
            f"images.load('{name}')",
            "to download the set with torchvision",
            f"{type(error).__name__}: {error}",
            'Check the network, or use images.load("emoji10"), which needs none.',
        )


@contextmanager
def _inside_its_folder() -> Iterator[None]:
    """Keep every file of an archive inside the folder into which torchvision unpacks it.

    This is Python's own filter (PEP 706). It is the default from 3.14 on; torchvision sets none.
    """
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _resize(pixels: torch.Tensor, size: int) -> torch.Tensor:
    if tuple(pixels.shape[2:]) == (size, size):
        return pixels.contiguous()
    scaled = F.interpolate(pixels.float(), (size, size), mode="bilinear", antialias=True)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def _split(
    labels: torch.Tensor,
    groups: torch.Tensor,
    classes: Sequence[str],
    validation: Any,
    seed: int,
    where: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Split the groups class by class, so that even the smallest class is on both sides."""
    # scikit-learn takes a second to import, and emoji10 brings its own split.
    from sklearn.model_selection import train_test_split

    checks.number(validation, where, "validation", low=0, high=_MOST, above=True)
    _seed(seed, where)
    names, first = np.unique(groups.numpy(), return_index=True)
    kinds = labels[torch.from_numpy(first)].numpy()  # of a group with several, the first counts
    counts = np.bincount(kinds, minlength=len(classes)).tolist()
    if rare := [f"{n} of '{name}'" for name, n in zip(classes, counts, strict=True) if n < 2]:
        what = "images" if len(names) == len(groups) else "groups of images"
        checks.refuse(
            where,
            f"at least two {what} of each class, one to train on and one to validate on",
            _some(rare),
            "Add images of that class, or leave it out.",
        )
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    for k, n in enumerate(counts):
        n_held_out = min(max(1, round(validation * n)), n - 1)
        _, chosen = train_test_split(names[kinds == k], test_size=n_held_out, random_state=seed)
        held_out |= torch.isin(groups, torch.from_numpy(chosen))
    return (~held_out).nonzero().flatten(), held_out.nonzero().flatten()


def _seed(seed: int, where: str) -> None:
    checks.whole_number(seed, where, "seed", low=0, high=2**32 - 1)  # those of NumPy


def _some(words: Sequence[str]) -> str:
    more = f", and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return ", ".join(words[:_NAMED]) + more


# From what is given to what is kept


def _plain_pixels(pixels: Any, where: str) -> torch.Tensor:
    """Return uint8 N×3×H×W, where there is no doubt what is meant."""
    if not (
        is_array(pixels) or is_tensor(pixels) or (isinstance(pixels, (list, tuple)) and pixels)
    ):
        of_files = isinstance(pixels, (str, os.PathLike))
        fix = "Files are read with images.from_folder." if of_files else _ARRAY
        checks.refuse(where, "images as an array, or a list of them", describe(pixels), fix)
    if isinstance(pixels, (list, tuple)):
        pixels = _stack(pixels, where)
    found = convert.to_pixels(pixels)
    pixels = found.value if found.plain else pixels
    checks.pixels(pixels, where)
    return pixels


def _stack(parts: Sequence[Any], where: str) -> np.ndarray:
    """Make one array of images, which may be pictures of Pillow."""
    images = [convert.of_pillow(part, 0) if is_pillow_image(part) else part for part in parts]
    for part, image in zip(parts, images, strict=True):
        if is_pillow_image(part) and isinstance(image, str):
            checks.refuse(
                where, "pictures of Pillow", f"{describe(part)}: {image}", "Leave it out."
            )
    try:
        return np.stack([np.asarray(image) for image in images])
    except (RuntimeError, TypeError, ValueError):
        got = ", ".join(sorted({describe(part) for part in parts})[:3])
        fix = "Bring pictures of Pillow to one size: [p.resize((64, 64)) for p in pictures]."
        checks.refuse(where, "images of one height and width", got, fix)


def _plain_labels(labels: Any, n: int, classes: Sequence[str], where: str) -> torch.Tensor:
    """Return int64 N, where there is no doubt what is meant."""
    if isinstance(labels, (list, tuple, range)):
        with suppress(RuntimeError, TypeError, ValueError):  # refused below
            labels = np.asarray(labels)
    if not (is_array(labels) or is_tensor(labels)):
        wanted = f"labels of {n} images, numbers or names of classes"
        checks.refuse(where, wanted, describe(labels), "Pass a list with one label an image.")
    if is_array(labels) and labels.ndim == 1 and all(isinstance(name, str) for name in labels):
        numbers = {name: k for k, name in enumerate(classes)}
        if unknown := sorted(set(labels.tolist()) - set(classes)):
            wanted = f"labels among the classes {', '.join(map(repr, classes))}"
            fix = "Add it to `classes`, or mend the labels."
            checks.refuse(where, wanted, f"a label {unknown[0]!r}", fix)
        labels = np.array([numbers[str(name)] for name in labels], dtype=np.int64)
    found = convert.to_labels(labels, n, len(classes))
    labels = found.value if found.plain else labels
    checks.labels(labels, where, n, len(classes))
    return labels


def _rows(value: Any, where: str, side: str, n: int) -> torch.Tensor:
    """Return row numbers, int64, of at least one of n images."""
    value = sorted(value) if isinstance(value, (set, frozenset)) else value
    try:
        rows = np.asarray(value.cpu() if is_tensor(value) else value)
    except Exception:  # whatever a tensor elsewhere or a list of odd things raises
        rows = np.empty(0)
    rows = np.flatnonzero(rows) if rows.dtype == bool and rows.shape == (n,) else rows
    right = rows.ndim == 1 and rows.dtype.kind in "iu" and rows.size
    if not right or rows.min() < 0 or rows.max() >= n:
        got = f"rows from {rows.min()} to {rows.max()}" if right else describe(value)
        wanted = f"{side} as a list of different rows from 0 to {n - 1}, at least one"
        checks.refuse(where, wanted, got, "Pass the row number of each image that is meant.")
    return torch.from_numpy(rows.astype(np.int64))


def _groups(value: Any, n: int, where: str) -> torch.Tensor:
    """Return a number for each image, equal for those of one group."""
    if value is None:
        return torch.arange(n)
    try:
        names = value.tolist() if is_tensor(value) or is_array(value) else list(value)
        numbers = _numbered(names)
    except Exception:  # whatever a tensor without values or a list of odd things raises
        numbers = torch.empty(0)
    if len(numbers) != n:
        fix = "Give one number or name an image, or leave it out."
        checks.refuse(where, f"groups of {n} images", describe(value), fix)
    return numbers


def _numbered(names: Sequence[Any]) -> torch.Tensor:
    """Give equal names one number, in the order of the names."""
    numbers = {name: k for k, name in enumerate(sorted(set(names)))}
    return torch.tensor([numbers[name] for name in names])


def _others(rows: torch.Tensor, n: int) -> torch.Tensor:
    kept = torch.ones(n, dtype=torch.bool)
    kept[rows] = False
    return kept.nonzero().flatten()


def _captions(value: Any, where: str, n: int) -> tuple[str, ...]:
    try:
        names = () if isinstance(value, (str, bytes)) else tuple(map(str, value))
    except (RuntimeError, TypeError):  # a number, or a tensor without values
        names = ()
    if len(names) != n:
        got = f"{len(names)} captions" if names else describe(value)
        fix = "Give one caption an image; images.from_arrays makes them where they are left out."
        checks.refuse(where, f"captions of {n} images", got, fix)
    return names


def _skipped(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    try:
        return tuple((str(file), str(reason)) for file, reason in value)
    except (RuntimeError, TypeError, ValueError):
        fix = 'Leave it out, or try skipped=[("a.png", "damaged")].'
        checks.refuse(where, "skipped as pairs of a file and a reason", describe(value), fix)


# Folders


@dataclass(frozen=True)
class _Found:
    """The files of a folder, or of two; where they are split already, `sides` has two names."""

    entries: list[Entry]
    classes: tuple[str, ...]
    skipped: list[tuple[str, str]]
    sides: tuple[str, ...]


def _find(root: Path, validation: Any, where: str, tick: Callable[[int], object]) -> _Found:
    """List what to train on and what to validate on; what has no class is skipped."""
    listing = checks.listing(root, where, tick)
    if _is_path(validation):
        other = checks.listing(validation, where, tick)
        parts = [
            (root, listing, "train/", ["train"]),
            (validation, other, "validation/", ["validation"]),
        ]
    else:
        both = ["train", "validation"] if "validation" in listing.classes else ["train"]
        parts = [(root, listing, "", both)]
    entries, skipped, classes = [], {}, []
    for folder, part, prefix, sides in parts:
        classes += [(side, _classes_of(part, side, folder, where)) for side in sides]
        skipped |= {prefix + name: reason for name, reason in part.skipped}
        left_out = Counter()
        for entry in part.files:
            name = prefix + entry.name
            side = entry.split or sides[0]
            if side not in sides:
                left_out[side] += 1
            elif entry.label is None:
                alone = "it is in no folder of a class"
                skipped[name] = alone if begins_as_picture(entry.path) else NO_FORMAT
            else:
                entries.append(replace(entry, name=name, split=side))
        for side, n in sorted(left_out.items()):
            log.warning(
                "images: %s files for %s are left out of '%s'", f"{n:,}", _AIMS[side], folder
            )
    names = _same_classes(classes, root, where)
    return _Found(entries, names, sorted(skipped.items()), tuple(side for side, _ in classes))


def _classes_of(listing: Listing, side: str, folder: Any, where: str) -> tuple[str, ...]:
    """Return the classes of a side; a folder that is not split is the side itself."""
    classes = listing.classes.get("", listing.classes.get(side))
    if classes is None:
        wanted = f"a folder for {_AIMS[side]} in '{folder}', which is split already"
        got = f"folders for {' and '.join(_AIMS[other] for other in sorted(listing.classes))} alone"
        fix = f"Add a folder '{side}', or pass two folders: from_folder(train=…, validation=…)."
        checks.refuse(where, wanted, got, fix)
    return classes


def _is_path(validation: Any) -> bool:
    """Say whether a share or a folder is meant: a share may have come as text."""
    if isinstance(validation, str):
        with suppress(ValueError):
            float(validation)
            return False
    return isinstance(validation, (str, os.PathLike))


def _same_classes(
    sides: list[tuple[str, tuple[str, ...]]], root: Path, where: str
) -> tuple[str, ...]:
    """Return the classes, which must be at least two and the same on both sides."""
    (side, classes), *others = sides
    for other, names in others:
        only = [f"'{name}' only in {side}" for name in classes if name not in names]
        only += [f"'{name}' only in {other}" for name in names if name not in classes]
        if only:
            fix = "Give both sides a folder of the same name for each class, with pictures in it."
            wanted = "the same classes to train and to validate on"
            checks.refuse(where, wanted, ", ".join(only[:_NAMED]), fix)
    if len(classes) < 2:
        inside = ", in each side of its split" if others else ""
        checks.refuse(
            where,
            f"at least two folders of pictures in '{root}'{inside}, one a class",
            f"{len(classes)} ({', '.join(classes) or 'none'})",
            "Put the pictures of each class into a folder of its own.",
        )
    alike = Counter(name.strip().casefold() for name in classes)
    if twins := [name for name in classes if alike[name.strip().casefold()] > 1]:
        listed = ", ".join(map(repr, twins))
        log.warning("images: %s differ in case or blanks alone; each is a class of its own", listed)
    return classes


def _without_copies(
    entries: list[Entry], pictures: np.ndarray, reasons: list[str | None]
) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Keep the first of equal pictures, so that none is both trained on and validated on.

    Pictures that are equal when they are small need not be when they are large, so these are looked
    at whole. Those that are kept move together at the beginning of the array: a second array might
    not fit into memory.
    """
    kept, skipped = [], []
    alike: dict[bytes, list[Entry]] = defaultdict(list)
    whole = remember(_whole)  # of many that look alike each is read once
    rows = iter(pictures)
    with strictly():
        for entry, reason in zip(entries, reasons, strict=True):
            if reason:
                skipped.append((entry.name, reason))
                continue
            picture = next(rows)
            others = alike[_hash(picture)]
            first = next((o for o in others if whole(o.path) == whole(entry.path)), None)
            if first:
                skipped.append((entry.name, f"same picture as {first.name}"))
                continue
            others.append(entry)
            if skipped:
                pictures[len(kept)] = picture
            kept.append(entry)
    return kept, skipped


def _whole(path: Path) -> bytes:
    whole = decode_one(path, 0)
    return whole.encode() if isinstance(whole, str) else _hash(whole)


def _hash(picture: np.ndarray) -> bytes:
    return hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).digest()


def _check_counts(
    found: _Found, kept: list[Entry], skipped: list[tuple[str, str]], where: str
) -> None:
    """Refuse folders with too few pictures, all of them at once."""
    counts = Counter((entry.split, entry.label) for entry in kept)
    least = 2 if len(found.sides) == 1 else 1
    rare = [(side, name) for side in found.sides for name in found.classes]
    rare = [pair for pair in rare if counts[pair] < least]
    if rare:
        left_out = [
            f"{file} ({why})"
            for file, why in skipped
            if {*normalize("NFC", file).split("/")} & {k for _, k in rare}
        ]
        names = [f"'{k}'" if least == 2 else f"'{k}' for {side}" for side, k in rare]
        checks.refuse(
            where,
            f"at least {'two pictures' if least == 2 else 'one picture'} in "
            f"{'the folder' if len(rare) == 1 else 'each of the folders'} {_some(names)}",
            _some([str(counts[pair]) for pair in rare])
            + (f"; skipped: {', '.join(left_out[:3])}" if left_out else ""),
            f"Add pictures ({READ}), or remove the folder{'s' if len(rare) > 1 else ''}.",
        )
