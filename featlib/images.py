"""Stage 1: color images, their labels, and the split into training and validation.

Every source returns the same kind of object, an `ImageSet`: uint8 N×3×H×W, one int64 label for each
image, and two lists of row numbers that share no image.
"""

import hashlib
import io
import os
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

from featlib import checks
from featlib.engine import paths
from featlib.engine.decode import (
    FORMATS,
    HIDDEN,
    SMALLEST,
    decode,
    shorter_sides,
    square,
    usual_size,
)
from featlib.engine.strict_json import read_card
from featlib.engine.words import readable, shape_text

__all__ = [
    "EMOJI3D",
    "EMOJI10",
    "NAMES",
    "ImageSet",
    "from_arrays",
    "from_folder",
    "list_files",
    "load",
    "read_picture",
]

EMOJI10 = Path(__file__).parent / "assets" / "emoji10.safetensors"
EMOJI3D = Path(__file__).parent / "assets" / "emoji3d.zip"
_DATASETS = {"cifar10": "CIFAR10", "fashion_mnist": "FashionMNIST"}  # torchvision's class of each
NAMES = ("emoji10", "emoji3d", *_DATASETS)


@dataclass(frozen=True, repr=False)
class ImageSet:
    """Images with labels, class names, and a split.

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
        int64 row numbers of the two sides of the split.
    captions : tuple of str
        What each image shows: an emoji's name, or a file's.
    skipped : tuple of (str, str)
        Files that were left out, each with its reason.

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

    def __post_init__(self) -> None:
        where = f"ImageSet '{self.name}'"
        checks.pixels(self.pixels, where)
        object.__setattr__(self, "classes", checks.classes(self.classes, where))
        checks.labels(self.labels, where, len(self.pixels), len(self.classes))
        rows = torch.cat([self.train, self.validation])
        if len(rows.unique()) != len(rows) or rows.min() < 0 or rows.max() >= len(self.pixels):
            checks.refuse(
                where,
                f"a split into different rows from 0 to {len(self.pixels) - 1}",
                f"{len(rows) - len(rows.unique())} rows used twice, from {rows.min()} to "
                f"{rows.max()}",
                "A row on both sides leaks what is tested into training.",
            )

    def __len__(self) -> int:
        return len(self.pixels)

    def __repr__(self) -> str:
        return (
            f"ImageSet('{self.name}': {shape_text(self.pixels.shape)} uint8, "
            f"{len(self.classes)} classes, {len(self.train)} training + "
            f"{len(self.validation)} validation)"
        )

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Show a small grid in a notebook: up to eight images of each class, a class a row."""
        shown = ", ".join(self.classes[k] for k in self.labels.unique())
        alt = f"{self!r}. A row of images for each class: {shown}."
        data = {"text/plain": repr(self), "image/png": self.contact_sheet()}
        return data, {"image/png": {"alt": alt}}

    def contact_sheet(self, columns: int = 8) -> bytes:
        """Draw the first images of each class as one picture, a class a row.

        Parameters
        ----------
        columns : int
            Images a row.

        Returns
        -------
        bytes
            A PNG file.

        Examples
        --------
        >>> import io
        >>> from PIL import Image
        >>> from featlib import images
        >>> sheet = images.load("emoji10").contact_sheet(columns=4)
        >>> Image.open(io.BytesIO(sheet)).size  # ten rows of four, 64 pixels and a gap of 4 each
        (268, 676)
        """
        height, width = self.pixels.shape[2:]
        gap = 4
        shown = self.labels.unique()  # a class may have no image: emoji3d has no flag
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
            The row.

        Returns
        -------
        PIL.Image.Image
            RGB, W×H pixels.

        Examples
        --------
        >>> from featlib import images
        >>> images.load("emoji10").picture(0).size
        (64, 64)
        """
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
            If there is no such split.

        Examples
        --------
        >>> from featlib import images
        >>> pictures = images.load("emoji10")
        >>> row = pictures.find("cat")[0]
        >>> pictures.classes[pictures.labels[row]]
        'animal'
        """
        checks.one_of(split, "ImageSet.find", "split", ("train", "validation"))
        rows = getattr(self, split).tolist()
        return [i for i in rows if word.lower() in self.captions[i].lower().split()]


def load(name: str = "emoji10", *, n: int = 1000, size: int = 64, seed: int = 0) -> ImageSet:
    """Return one of the known image sets.

    Parameters
    ----------
    name : {"emoji10", "emoji3d", "cifar10", "fashion_mnist"}
        ``"emoji10"`` is bundled and needs no network. So is ``"emoji3d"``: 677 of the same emoji,
        without flags, drawn by another artist in three dimensions. The others are downloaded by
        torchvision on first use, into the cache folder (`featlib doctor` says where), with their
        checksums verified.
    n : int
        For the downloaded sets: how many images, drawn evenly from the classes.
    size : int
        For all but emoji10: height and width in pixels to resize to.
    seed : int
        For the downloaded sets: the seed of the draw and of the split.

    Returns
    -------
    ImageSet
        uint8 N×3×H×W; 80 % for training and 20 % for validation, evenly over the classes. An emoji
        that emoji10 validates on, emoji3d validates on, too.

    Raises
    ------
    featlib.FeatlibError
        If the name is unknown, a bundled file is altered, or a download fails.

    Examples
    --------
    >>> from featlib import images
    >>> pictures = images.load("emoji10")
    >>> pictures.pixels.shape, pictures.pixels.dtype
    (torch.Size([1000, 3, 64, 64]), torch.uint8)
    >>> pictures.classes[:3]
    ('animal', 'face', 'food')
    """
    checks.one_of(name, "images.load", "name", NAMES)
    if name == "emoji10":
        return _load_emoji10()
    checks.whole_number(size, "images.load", "size", low=SMALLEST)
    if name == "emoji3d":
        return _load_emoji3d(size)
    checks.whole_number(n, "images.load", "n", low=20)
    from sklearn.model_selection import train_test_split  # see _split

    dataset = _download(name)
    rows, _ = train_test_split(
        np.arange(len(dataset)), train_size=n, random_state=seed, stratify=dataset.targets
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
    pixels: torch.Tensor | np.ndarray,
    labels: torch.Tensor | np.ndarray,
    classes: Sequence[str],
    *,
    validation: float = 0.2,
    seed: int = 0,
    name: str = "arrays",
    captions: Sequence[str] | None = None,
    skipped: Sequence[tuple[str, str]] = (),
) -> ImageSet:
    """Make an image set from arrays that are already in memory.

    Parameters
    ----------
    pixels : torch.Tensor or numpy.ndarray
        uint8 N×3×H×W.
    labels : torch.Tensor or numpy.ndarray
        int64 N, class numbers from 0.
    classes : sequence of str
        The name of each class number.
    validation : float
        The share of each class that is kept for validation, above 0 and below 1.
    seed : int
        The seed of the split.
    name : str
        What to call the set.
    captions : sequence of str, optional
        A name an image.
    skipped : sequence of (str, str)
        Files that were left out, each with its reason.

    Returns
    -------
    ImageSet
        With these pixels and labels, and each class on both sides of the split.

    Raises
    ------
    featlib.FeatlibError
        If the arrays do not fit together, or a class has fewer than two images.

    Examples
    --------
    >>> import torch
    >>> from featlib import images
    >>> pixels = torch.zeros(10, 3, 64, 64, dtype=torch.uint8)
    >>> images.from_arrays(pixels, torch.arange(10) % 2, ["cat", "dog"], name="pets")
    ImageSet('pets': 10×3×64×64 uint8, 2 classes, 8 training + 2 validation)
    """
    where = f"images '{name}'"
    pixels, labels = torch.as_tensor(pixels), torch.as_tensor(labels)
    classes = checks.classes(classes, where)
    checks.pixels(pixels, where)
    checks.labels(labels, where, len(pixels), len(classes))
    train, held_out = _split(labels, classes, validation, seed, where)
    captions = tuple(captions or (f"image {i}" for i in range(len(pixels))))
    return ImageSet(name, pixels, labels, classes, train, held_out, captions, tuple(skipped))


def from_folder(
    path: str | Path,
    *,
    size: int | None = None,
    validation: float = 0.2,
    seed: int = 0,
    cache: bool = True,
    progress: bool = True,
) -> ImageSet:
    """Read anyone's own pictures: one folder a class, as torchvision's `ImageFolder` has it.

    Pictures of any size are scaled so that their shorter side fits, and cropped in the middle. EXIF
    rotation is applied, and transparency is laid on white. Gray, CMYK, palette and 16-bit pictures
    are converted. Of an animation the first frame is taken. Files that cannot be read, and second
    copies of a picture, are listed in `ImageSet.skipped`.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder; its subfolders are the classes.
    size : int, optional
        Height and width in pixels. Left out, it is 224, at which the bundled network met its
        photographs; or 128 where most pictures are smaller than 112 pixels on the shorter side.
    validation : float
        The share of each class that is kept for validation, above 0 and below 1.
    seed : int
        The seed of the split.
    cache : bool
        Whether to keep the decoded pictures, so that the same files are not decoded twice.
    progress : bool
        Whether to show a bar when it takes more than two seconds.

    Returns
    -------
    ImageSet
        uint8 N×3×S×S with S = `size`; the classes are the names of the folders, sorted. More than
        two gigabytes of pixels lie in a temporary file instead of in memory.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, there are fewer than two classes, or a class has fewer than two
        pictures that can be read.

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
    path = checks.folder(path, where, "pictures, one folder a class,")
    if size is not None:
        checks.whole_number(size, where, "size", low=SMALLEST)
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith(HIDDEN))
    classes = [readable(folder.name) for folder in folders]
    if len(classes) < 2:
        checks.refuse(
            where,
            f"at least two folders of pictures in '{path}', one a class",
            f"{len(classes)} ({', '.join(classes) or 'none'})",
            "Put the pictures of each class into a folder of its own.",
        )
    files = [(Path(file), k) for k, folder in enumerate(folders) for file in list_files(folder)]
    only_files = [file for file, _ in files]
    size = size or usual_size(shorter_sides(only_files))
    pictures, reasons = decode(only_files, size, cache=cache, progress=progress)
    kept, skipped = _without_copies(path, files, pictures, reasons)
    _check_counts(classes, Counter(k for _, k in kept), skipped, where)
    return from_arrays(
        pictures[: len(kept)].transpose(0, 3, 1, 2),
        np.array([k for _, k in kept], dtype=np.int64),
        classes,
        validation=validation,
        seed=seed,
        name=readable(path.name or path),
        captions=[name for name, _ in kept],
        skipped=skipped,
    )


def list_files(folder: str | Path) -> list[str]:
    """List the files of a folder and its subfolders, without hidden ones.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder.

    Returns
    -------
    list of str
        Paths, sorted.

    Raises
    ------
    featlib.FeatlibError
        If one of the folders may not be read: what is in it would be missing silently.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from featlib import images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.png", ".hidden"):
    ...         Path(folder, name).touch()
    ...     [Path(file).name for file in images.list_files(folder)]
    ['a.png', 'b.png']
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        found += [os.path.join(parent, name) for name in names if not name.startswith(HIDDEN)]
    return sorted(found)


def read_picture(path: str | Path, size: int | None = None) -> torch.Tensor:
    """Read one picture as `from_folder` does.

    Parameters
    ----------
    path : str or pathlib.Path
        A PNG, JPEG, WebP, GIF or BMP file.
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
    path = checks.file(path, "images.read_picture", "a picture")
    size = size or usual_size(shorter_sides([path]))
    found, [reason] = decode([path], size, cache=False, progress=False)
    if reason:
        checks.refuse("images.read_picture", f"a picture in '{path}'", reason, "Try another file.")
    return torch.from_numpy(found[0]).permute(2, 0, 1).contiguous()


def _cannot_list(error: OSError) -> NoReturn:
    checks.refuse(
        f"the folder '{error.filename}'",
        "to list what is in it",
        str(error.strerror),
        "Get the right to read it, or move it away.",
    )


def _load_emoji10() -> ImageSet:
    card = read_card(EMOJI10)
    checks.checksum(EMOJI10, card["sha256"], "images.load('emoji10')")
    tensors = load_file(EMOJI10)
    captions = tuple(picture["name"] for picture in card["pictures"])
    return ImageSet(
        "emoji10",
        tensors["pixels"],
        tensors["labels"],
        card["classes"],
        tensors["train"],
        tensors["validation"],
        captions,
    )


def _load_emoji3d(size: int) -> ImageSet:
    card = read_card(EMOJI3D)
    checks.checksum(EMOJI3D, card["sha256"], "images.load('emoji3d')")
    found = card["pictures"]
    with zipfile.ZipFile(EMOJI3D) as archive:
        files = [io.BytesIO(archive.read(picture["file"])) for picture in found]
    pixels = np.stack([square(Image.open(file), size) for file in files])
    # The classes are those of emoji10, so that one head serves both; none of these is a flag.
    classes = read_card(EMOJI10)["classes"]
    labels = [classes.index(card["classes"][picture["label"]]) for picture in found]
    held_out = torch.tensor([picture["validation"] for picture in found])
    return ImageSet(
        "emoji3d",
        torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(),
        torch.tensor(labels),
        classes,
        (~held_out).nonzero().flatten(),
        held_out.nonzero().flatten(),
        tuple(picture["name"] for picture in found),
    )


def _download(name: str) -> Any:
    from torchvision import datasets  # takes a second to import, and emoji10 does not need it

    try:
        with _inside_its_folder():
            return getattr(datasets, _DATASETS[name])(paths.cache_dir() / "datasets", download=True)
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
    labels: torch.Tensor, classes: Sequence[str], validation: float, seed: int, where: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """Split class by class, so that even the smallest class is on both sides."""
    # scikit-learn takes a second to import, and emoji10 brings its own split.
    from sklearn.model_selection import train_test_split

    checks.number(validation, where, "validation", low=0, high=0.9, above=True)
    train, held_out = [], []
    for k, name in enumerate(classes):
        rows = (labels == k).nonzero().flatten().numpy()
        if len(rows) < 2:
            checks.refuse(
                where,
                "at least two images of each class, one to train on and one to validate on",
                f"{len(rows)} of '{name}'",
                "Add images of that class, or leave it out.",
            )
        n_held_out = min(max(1, round(validation * len(rows))), len(rows) - 1)
        most, rest = train_test_split(rows, test_size=n_held_out, random_state=seed)
        train.append(most)
        held_out.append(rest)
    return _sorted_rows(train), _sorted_rows(held_out)


def _sorted_rows(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.sort(np.concatenate(parts)))


def _without_copies(
    root: Path, files: list[tuple[Path, int]], pictures: np.ndarray, reasons: list[str | None]
) -> tuple[list[tuple[str, int]], list[tuple[str, str]]]:
    """Keep the first of equal pictures, so that none is both trained on and validated on.

    The pictures that are kept move together at the beginning of the array: a second array might
    not fit into memory.
    """
    kept, skipped = [], []
    seen: dict[bytes, str] = {}
    rows = iter(pictures)
    for (file, k), reason in zip(files, reasons, strict=True):
        name = readable(file.relative_to(root))
        if reason:
            skipped.append((name, reason))
            continue
        picture = next(rows)
        if (first := seen.setdefault(hashlib.sha256(picture.data).digest(), name)) != name:
            skipped.append((name, f"same picture as {first}"))
            continue
        if skipped:
            pictures[len(kept)] = picture
        kept.append((name, k))
    return kept, skipped


def _check_counts(
    classes: list[str], counts: Counter[int], skipped: list[tuple[str, str]], where: str
) -> None:
    for k, name in enumerate(classes):
        if counts[k] < 2:
            left_out = [
                f"{file} ({reason})" for file, reason in skipped if Path(file).parts[0] == name
            ]
            checks.refuse(
                where,
                f"at least two pictures in the folder '{name}'",
                f"{counts[k]}" + (f"; skipped: {', '.join(left_out[:3])}" if left_out else ""),
                f"Add pictures ({', '.join(FORMATS)}), or remove the folder.",
            )
