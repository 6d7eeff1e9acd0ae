"""Stage 1: color images, their labels, and the split into training and validation.

Every source ends in the same `ImageSet`: uint8 N×3×H×W, one int64 label an image, and two lists of
row numbers that share no image.
"""

import hashlib
import io
import os
import tarfile
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

from featlib import checks
from featlib.engine import paths
from featlib.engine.decode import FORMATS, HIDDEN, SMALLEST, decode
from featlib.engine.strict_json import read_card
from featlib.engine.words import readable, shape_text

EMOJI10 = Path(__file__).parent / "assets" / "emoji10.safetensors"
DATASETS = {"cifar10": "CIFAR10", "fashion_mnist": "FashionMNIST"}
NAMES = ("emoji10", *DATASETS)


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
    """

    name: str
    pixels: torch.Tensor
    labels: torch.Tensor
    classes: tuple[str, ...]
    train: torch.Tensor
    validation: torch.Tensor
    captions: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self):
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

    def __len__(self):
        return len(self.pixels)

    def __repr__(self):
        return (
            f"ImageSet('{self.name}': {shape_text(self.pixels.shape)} uint8, "
            f"{len(self.classes)} classes, {len(self.train)} training + "
            f"{len(self.validation)} validation)"
        )

    def _repr_mimebundle_(self, include=None, exclude=None):
        """Show a small grid in a notebook: up to eight images of each class, a class a row."""
        alt = f"{self!r}. A row of images for each class: {', '.join(self.classes)}."
        data = {"text/plain": repr(self), "image/png": self.contact_sheet()}
        return data, {"image/png": {"alt": alt}}

    def contact_sheet(self, columns=8):
        """Draw the first images of each class as one picture, a class a row.

        Parameters
        ----------
        columns : int
            Images a row.

        Returns
        -------
        bytes
            A PNG file.
        """
        height, width = self.pixels.shape[2:]
        gap = 4
        size = (columns * (width + gap) - gap, len(self.classes) * (height + gap) - gap)
        sheet = Image.new("RGBA", size)
        for row in range(len(self.classes)):
            for column, i in enumerate((self.labels == row).nonzero().flatten()[:columns]):
                sheet.paste(self.picture(i), (column * (width + gap), row * (height + gap)))
        file = io.BytesIO()
        sheet.save(file, format="PNG")
        return file.getvalue()

    def picture(self, i):
        """Return one image as a Pillow picture.

        Parameters
        ----------
        i : int
            The row.

        Returns
        -------
        PIL.Image.Image
        """
        return Image.fromarray(self.pixels[i].permute(1, 2, 0).contiguous().numpy())

    def find(self, word, split="validation"):
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
        """
        checks.one_of(split, "ImageSet.find", "split", ("train", "validation"))
        rows = getattr(self, split).tolist()
        return [i for i in rows if word.lower() in self.captions[i].lower().split()]


def load(name="emoji10", *, n=1000, size=64, seed=0):
    """Return one of the known image sets.

    Parameters
    ----------
    name : {"emoji10", "cifar10", "fashion_mnist"}
        ``"emoji10"`` is bundled and needs no network. The others are downloaded by torchvision on
        first use into `paths.cache_dir`, with their checksums verified.
    n : int
        For the downloaded sets: how many images, drawn evenly from the classes.
    size : int
        For the downloaded sets: height and width in pixels to resize to.
    seed : int
        For the downloaded sets: the seed of the draw and of the split.

    Returns
    -------
    ImageSet
        With 80 % for training and 20 % for validation, evenly over the classes.

    Raises
    ------
    featlib.FeatlibError
        If the name is unknown, a bundled file is altered, or a download fails.
    """
    checks.one_of(name, "images.load", "name", NAMES)
    if name == "emoji10":
        return _load_emoji10()
    checks.whole_number(n, "images.load", "n", low=20)
    checks.whole_number(size, "images.load", "size", low=SMALLEST)
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
    pixels, labels, classes, *, validation=0.2, seed=0, name="arrays", captions=None, skipped=()
):
    """Make an image set of arrays that are already in memory.

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

    Raises
    ------
    featlib.FeatlibError
        If the arrays do not fit together, or a class has fewer than two images.
    """
    where = f"images '{name}'"
    pixels, labels = torch.as_tensor(pixels), torch.as_tensor(labels)
    classes = checks.classes(classes, where)
    checks.pixels(pixels, where)
    checks.labels(labels, where, len(pixels), len(classes))
    train, held_out = _split(labels, classes, validation, seed, where)
    captions = tuple(captions or (f"image {i}" for i in range(len(pixels))))
    return ImageSet(name, pixels, labels, classes, train, held_out, captions, tuple(skipped))


def from_folder(path, *, size=64, validation=0.2, seed=0, cache=True, progress=True):
    """Read anyone's own pictures: one folder a class, as torchvision's `ImageFolder` has it.

    Pictures of any size are scaled on their shorter side and cropped in the middle. EXIF rotation
    is honoured, transparency laid on white, gray, CMYK, palette and 16-bit pictures are converted,
    and of an animation the first frame is taken. What cannot be read, and a picture that is there
    twice, is listed in `ImageSet.skipped`.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder; its subfolders are the classes.
    size : int
        Height and width in pixels.
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

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, there are fewer than two classes, or a class has fewer than two
        pictures that can be read.
    """
    where = "images.from_folder"
    path = checks.folder(path, where, "pictures, one folder a class,")
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
    pictures = decode([file for file, _ in files], size, cache=cache, progress=progress)
    kept, skipped = _without_copies(path, files, pictures)
    _check_counts(classes, Counter(k for _, k, _ in kept), skipped, where)
    return from_arrays(
        np.stack([picture for _, _, picture in kept]).transpose(0, 3, 1, 2),
        np.array([k for _, k, _ in kept], dtype=np.int64),
        classes,
        validation=validation,
        seed=seed,
        name=readable(path.name or path),
        captions=[name for name, _, _ in kept],
        skipped=skipped,
    )


def list_files(folder):
    """List the files of a folder and its subfolders, but for hidden ones.

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
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(HIDDEN)]
        found += [os.path.join(parent, name) for name in names if not name.startswith(HIDDEN)]
    return sorted(found)


def read_picture(path, size=64):
    """Read one picture as `from_folder` does.

    Parameters
    ----------
    path : str or pathlib.Path
        A PNG, JPEG, WebP, GIF or BMP file.
    size : int
        Height and width in pixels.

    Returns
    -------
    torch.Tensor
        uint8 3×S×S.

    Raises
    ------
    featlib.FeatlibError
        If the file cannot be read as a picture.
    """
    path = checks.file(path, "images.read_picture", "a picture")
    [picture] = decode([path], size, cache=False, progress=False)
    if isinstance(picture, str):
        checks.refuse("images.read_picture", f"a picture in '{path}'", picture, "Try another file.")
    return torch.tensor(picture).permute(2, 0, 1).contiguous()


def _cannot_list(error):
    checks.refuse(
        f"the folder '{error.filename}'",
        "to list what is in it",
        error.strerror,
        "Get the right to read it, or move it away.",
    )


def _load_emoji10():
    card = read_card(EMOJI10)
    checks.checksum(EMOJI10, card["sha256"], "images.load('emoji10')")
    tensors = load_file(EMOJI10)
    captions = tuple(picture["name"] for picture in card["pictures"])
    return ImageSet("emoji10", classes=card["classes"], captions=captions, **tensors)


def _download(name):
    from torchvision import datasets  # costs a second, and emoji10 has no use for it

    try:
        with _inside_its_folder():
            return getattr(datasets, DATASETS[name])(paths.cache_dir() / "datasets", download=True)
    except (OSError, RuntimeError, tarfile.TarError) as error:
        checks.refuse(
            f"images.load('{name}')",
            "to download the set with torchvision",
            f"{type(error).__name__}: {error}",
            'Check the network, or use images.load("emoji10"), which needs none.',
        )


@contextmanager
def _inside_its_folder():
    """Let no member of an archive get out of the folder into which torchvision unpacks it.

    This is Python's own filter (PEP 706), from 3.14 on the default; torchvision asks for none.
    """
    before = tarfile.TarFile.extraction_filter
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.data_filter)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = before


def _resize(pixels, size):
    if tuple(pixels.shape[2:]) == (size, size):
        return pixels.contiguous()
    scaled = F.interpolate(pixels.float(), (size, size), mode="bilinear", antialias=True)
    return scaled.round_().clamp_(0, 255).to(torch.uint8)


def _split(labels, classes, validation, seed, where):
    """Split class by class, so that each class is on both sides however small it is."""
    # scikit-learn takes a second to import, and emoji10 brings its own split.
    from sklearn.model_selection import train_test_split

    checks.number(validation, where, "validation", low=0, high=0.9, above=True)
    sides = ([], [])
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
        for side, part in zip(
            sides, train_test_split(rows, test_size=n_held_out, random_state=seed), strict=True
        ):
            side.append(part)
    return tuple(torch.from_numpy(np.sort(np.concatenate(side))) for side in sides)


def _without_copies(root, files, pictures):
    """Keep the first of equal pictures, so that none is trained on and validated on."""
    kept, skipped, seen = [], [], {}
    for (file, k), picture in zip(files, pictures, strict=True):
        name = readable(file.relative_to(root))
        if isinstance(picture, str):
            skipped.append((name, picture))
        elif (first := seen.setdefault(hashlib.sha256(picture).digest(), name)) != name:
            skipped.append((name, f"same picture as {first}"))
        else:
            kept.append((name, k, picture))
    return kept, skipped


def _check_counts(classes, counts, skipped, where):
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
