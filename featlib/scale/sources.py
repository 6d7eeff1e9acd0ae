"""Where many images come from: a folder of pictures, or a dataset like those of torchvision."""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset

from featlib import checks
from featlib.engine.decode import decode_one, shorter_sides, square, strictly, usual_size
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import describe, readable
from featlib.images import ImageSet
from featlib.scale import items
from featlib.scale.digests import FileRows, file_facts, hash_rows, picture_facts

__all__ = ["DatasetSource", "FolderSource"]

_WHERE = "shards.extract"
_SAMPLE = 10  # rows that are looked at before the work begins


class FolderSource:
    """The pictures of a folder and its subfolders, in the order of their names.

    Which files are read, and what their classes are, is as for `images.from_folder`; those of a
    folder ``test`` are read, too. A picture that lies in no class has no label. Features that lie
    in the folder are passed over.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder.
    source_id : str, optional
        As for `shards.extract`.
    progress : bool
        Whether to show a bar when listing the files takes more than two seconds.

    Attributes
    ----------
    skipped : tuple of (str, str)
        What is in the folder but cannot be read or is there already, each with the reason.
    threadsafe : bool
        True: several threads may read rows at once.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or no file in it.
    """

    threadsafe = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        source_id: str | None = None,
        progress: bool = True,
    ) -> None:
        with progress_bar("listing", 0, "file", progress) as done:
            listing = checks.listing(os.fspath(folder), _WHERE, done.update)
        self.files = list(listing.files)
        self.skipped = listing.skipped
        self.source_id = _checked(source_id)
        if not self.files:
            got = "; ".join(f"'{name}': {reason}" for name, reason in self.skipped[:3]) or "none"
            checks.refuse(
                _WHERE, f"pictures in '{folder}' or its subfolders", got, "Check the folder."
            )

    def __len__(self) -> int:
        return len(self.files)

    def read(self, i: int, size: int) -> tuple[str, str | None, np.ndarray | str]:
        """Read one image.

        Parameters
        ----------
        i : int
            Its row.
        size : int
            Height and width in pixels.

        Returns
        -------
        name : str
            Its path within the folder.
        label : str or None
            Its class.
        picture : numpy.ndarray or str
            uint8 S×S×3, or the reason why it cannot be read.
        """
        file = self.files[i]
        return file.name, file.label, decode_one(file.path, size)

    def name(self, i: int) -> str:
        """Return the name of a row, as `read` does.

        Parameters
        ----------
        i : int
            The row.

        Returns
        -------
        str
            Its path within the folder.
        """
        return self.files[i].name

    def usual_size(self) -> int:
        """Return the size to read the pictures at where nobody chose one.

        Returns
        -------
        int
            224, or 128 where most are thumbnails.
        """
        return usual_size(shorter_sides([file.path for file in self.files]))

    def digest(self, progress: bool = True) -> str:
        """Hash what tells one folder of pictures from another, without reading the pictures.

        Parameters
        ----------
        progress : bool
            Whether to show a bar when it takes more than two seconds.

        Returns
        -------
        str
            SHA-256 in hexadecimal, over the names, classes, sizes and times of change of all files;
            or over the ``source_id`` and the number of files.
        """
        if self.source_id is not None:
            return _digest_of_id(self.source_id, len(self))

        def describe_row(i: int) -> str:
            file = self.files[i]
            return repr((file.name, file.label, file_facts(file.path)))

        return hash_rows(describe_row, len(self), progress)


class DatasetSource:
    """A dataset like those of torchvision: ``len(dataset)`` rows, each an image and a label.

    Its rows are read one at a time, as its code may hold a file, a connection or a buffer that two
    threads cannot share; but for `ImageSet` and torchvision's own folders of pictures.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset, ImageSet, or sequence
        Each row is ``(image, label)``, a dict with columns such as ``image`` and ``label``, as
        Hugging Face has them, or an image alone. An image is a Pillow picture, a tensor 3×H×W or
        1×H×W, or an array H×W×3 or H×W; uint8, or float from 0 to 1. A label is a word, a number or
        None; a number becomes a word where the dataset has ``classes``, a list or a dict, or is a
        part of one that has them (``Subset``, ``ConcatDataset``).
    source_id : str, optional
        As for `shards.extract`.

    Attributes
    ----------
    threadsafe : bool
        Whether several threads may read rows at once.

    Raises
    ------
    featlib.FeatlibError
        If it has no length or no rows, is empty, or most of its images are normalized.
    """

    skipped: tuple[tuple[str, str], ...] = ()

    def __init__(
        self, dataset: Dataset | ImageSet | items.Rows, source_id: str | None = None
    ) -> None:
        self.names = None
        self.threadsafe = isinstance(dataset, ImageSet) or FileRows().cover(dataset)
        if isinstance(dataset, ImageSet):
            self.names, dataset = dataset.captions, _Rows(dataset)
        self.dataset: Any = dataset  # torch's type of a dataset has no length
        self.length = _length(dataset)
        self.source_id = _checked(source_id)
        self.features = items.features_of(dataset)
        self._look_at_some()

    def __len__(self) -> int:
        return self.length

    def read(self, i: int, size: int) -> tuple[str, str | None, np.ndarray | str]:
        """Read one image, as `FolderSource.read` does.

        Parameters
        ----------
        i : int
            Its row.
        size : int
            Height and width in pixels.

        Returns
        -------
        name : str
            Its row, as text; of an `ImageSet`, its caption.
        label : str or None
            Its class.
        picture : numpy.ndarray or str
            uint8 S×S×3, or the reason why it cannot be used.
        """
        try:
            picture, label = self._row(i)
            return self.name(i), label, square(picture, size)
        except Exception as error:  # the dataset's code is its own
            return self.name(i), None, items.why(error)

    def name(self, i: int) -> str:
        """Return the name of a row, as `read` does.

        Parameters
        ----------
        i : int
            The row.

        Returns
        -------
        str
            Its number, as text; of an `ImageSet`, its caption.
        """
        return readable(self.names[i]) if self.names else str(i)

    def usual_size(self) -> int:
        """Return the size to read the images at where nobody chose one, judged by ten of them.

        Returns
        -------
        int
            224, or 128 where most are thumbnails.
        """
        return usual_size(self._sides)

    def digest(self, progress: bool = True) -> str:
        """Hash what tells one dataset from another.

        Of torchvision's ``ImageFolder`` and ``DatasetFolder``, and of parts of them (``Subset``,
        ``ConcatDataset``, ``random_split``), no picture is read: their files' names, sizes and
        times count, their labels, and their transform, if all that it holds always does the same,
        as ``Resize`` and ``ToTensor`` do. Of any other dataset every row is read and hashed, which
        takes as long as to go through the dataset once.

        Parameters
        ----------
        progress : bool
            Whether to show a bar when it takes more than two seconds.

        Returns
        -------
        str
            SHA-256 in hexadecimal; with a ``source_id`` over this and the number of rows alone.

        Raises
        ------
        featlib.FeatlibError
            If a row is another picture or label each time that it is read.
        """
        if self.source_id is not None:
            return _digest_of_id(self.source_id, len(self))
        files = FileRows()
        with strictly():
            for i in self._some_rows():
                if self._describe(i, files) != self._describe(i, files):
                    wanted = "a dataset that gives the same picture whenever a row is read"
                    fix = "Leave what is random out of its transform, or give it a source_id."
                    checks.refuse(_WHERE, wanted, f"another one for row {i}", fix)
            return hash_rows(
                lambda i: self._describe(i, files), len(self), progress, self.threadsafe
            )

    def _describe(self, i: int, files: FileRows) -> str:
        """Return one line that tells this row from others."""
        known = None
        with suppress(Exception):  # then the row itself says what is wrong
            known = files.facts(self.dataset, i)
        try:
            if known:
                facts, label = known[0], self._label(i, known[1])
            else:
                picture, label = self._row(i)
                facts = picture_facts(picture)
        except Exception as error:  # the dataset's code is its own
            facts, label = items.why(error), None
        return repr((self.name(i), label, facts))

    def _row(self, i: int) -> tuple[Image.Image, str | None]:
        value, label = items.take_apart(self.dataset[i], self.features)
        picture = items.picture_of(value)
        if label is items.NO_LABEL and self.labelled:
            raise items.UnusableError("no label, unlike the other rows")
        return picture, self._label(i, label)

    def _label(self, i: int, label: Any) -> str | None:
        return items.label_of(label, items.class_names(self.dataset, i))

    def _some_rows(self) -> range:
        return range(0, len(self), -(-len(self) // _SAMPLE))

    def _look_at_some(self) -> None:
        """Learn from some rows how large the images are, and whether they have labels."""
        self.labelled, labels, normalized, self._sides = False, [], [], []
        with strictly():
            for i in self._some_rows():
                try:
                    value, label = items.take_apart(self.dataset[i], self.features)
                    self._sides.append(min(items.picture_of(value).size))
                    labels.append(label is not items.NO_LABEL)
                except items.NotInRangeError as error:
                    normalized.append(str(error))
                except Exception:  # `read` says of each row what is wrong
                    continue
        self.labelled = 2 * sum(labels) >= len(labels)
        if 2 * len(normalized) > len(self._some_rows()):
            # Others may lie within 0 to 1 by chance, and would be taken for what they are not.
            wanted = "pictures as uint8, or as floats from 0 to 1"
            checks.refuse(_WHERE, wanted, normalized[0], "Then pass the dataset again.")


class _Rows(Dataset):
    """An `ImageSet` as a dataset: a tensor uint8 3×H×W and the number of its class a row."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.classes = images, images.classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.images.pixels[i], int(self.images.labels[i])


def _length(dataset: Any) -> int:
    """Return the number of rows of a dataset; refuse what has none."""
    wanted = "a folder, or a dataset with len(dataset) and dataset[i]"
    if isinstance(dataset, DataLoader):
        fix = "Pass the dataset that it reads from: loader.dataset."
        checks.refuse(_WHERE, wanted, f"a {type(dataset).__name__}", fix)
    if isinstance(dataset, Mapping):
        got = f"a {type(dataset).__name__} with {', '.join(map(repr, [*dataset][:5])) or 'nothing'}"
        checks.refuse(_WHERE, wanted, got, "Pass one of its parts, such as datasets['train'].")
    fix = _why_no_rows(dataset)
    try:
        length = 0 if fix else len(dataset)
    except Exception as error:  # the dataset's code is its own
        fix = f"Its len() ends with {items.why(error)}: let it return the number of rows."
    if fix:
        checks.refuse(_WHERE, wanted, describe(dataset), fix)
    if not length:
        checks.refuse(_WHERE, "images", "an empty dataset", "Check the dataset.")
    return length


def _why_no_rows(dataset: Any) -> str:
    """Say what to do about a value that has no rows with numbers; nothing if it has them."""
    kind = type(dataset)
    if isinstance(dataset, type):
        return f"Make a dataset of the class first: {dataset.__name__}(...)."
    if isinstance(dataset, (set, frozenset)):
        return "A set has no order; pass a list."
    if isinstance(dataset, IterableDataset) or (
        hasattr(kind, "__iter__") and not hasattr(kind, "__getitem__")
    ):
        return "Iterable datasets cannot be resumed; write their images to a folder."
    if not hasattr(kind, "__getitem__"):
        return "Pass the path of a folder, a dataset, or a list of pictures."
    if not hasattr(kind, "__len__"):
        return "Give it a method __len__ that returns the number of its rows."
    return ""


def _checked(source_id: str | None) -> str | None:
    if source_id is not None and not (isinstance(source_id, str) and source_id.strip()):
        wanted = "source_id as a text that names this very data, or None"
        fix = "Try source_id='my-photos-version-1'."
        checks.refuse(_WHERE, wanted, describe(source_id), fix)
    return source_id


def _digest_of_id(source_id: str, n: int) -> str:
    return hashlib.sha256(repr((source_id, n)).encode()).hexdigest()
