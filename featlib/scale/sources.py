"""Where many images come from: a folder of pictures, or a dataset like those of torchvision."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset

from featlib import checks
from featlib.engine.decode import FORMATS, decode_one, shorter_sides, square, usual_size
from featlib.engine.words import describe, readable
from featlib.images import list_files

__all__ = ["DatasetSource", "FolderSource"]

_ENDINGS = tuple(f".{name.lower()}" for name in (*FORMATS, "JPG"))


class FolderSource:
    """The pictures of a folder and its subfolders, in the order of their names.

    The first subfolder on the way to a picture is its label; one that lies in the folder itself has
    none.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder. Hidden files and folders are skipped, and so are files whose ending is not that
        of a picture.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or no picture in it.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = checks.folder(Path(folder), "shards.extract", "pictures").resolve()
        found = [path for path in list_files(self.folder) if path.lower().endswith(_ENDINGS)]
        self.names = sorted(Path(path).relative_to(self.folder).as_posix() for path in found)
        if not self.names:
            wanted = f"pictures ({', '.join(_ENDINGS)}) in '{folder}' or its subfolders"
            checks.refuse("shards.extract", wanted, "none", "Check the folder.")

    def __len__(self) -> int:
        return len(self.names)

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
            The first subfolder on the way to it.
        picture : numpy.ndarray or str
            uint8 S×S×3, or the reason why it cannot be read.
        """
        name = readable(self.names[i])
        first, *rest = name.split("/")
        return name, first if rest else None, decode_one(self.folder / self.names[i], size)

    def usual_size(self) -> int:
        """Return the size to read the pictures at where nobody chose one.

        Returns
        -------
        int
            224, or 128 where most are thumbnails.
        """
        return usual_size(shorter_sides([self.folder / name for name in self.names]))

    def digest(self) -> str:
        """Hash what tells one folder of pictures from another, without reading the pictures.

        Returns
        -------
        str
            SHA-256 in hexadecimal, over the names, sizes and times of change of all files.
        """
        digest = hashlib.sha256()
        for name in self.names:
            place = self.folder / name
            try:
                facts = place.stat()
            except OSError:  # a link that leads nowhere has facts of its own
                facts = place.lstat()
            digest.update(os.fsencode(f"{name}\0{facts.st_size} {facts.st_mtime_ns}\0"))
        return digest.hexdigest()


class DatasetSource:
    """A dataset like those of torchvision: ``len(dataset)``, and ``dataset[i]`` is image and label.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Its images are Pillow pictures, or uint8 tensors 3×H×W. Labels are words or numbers; a
        number becomes a word where the dataset has a list ``classes``.

    Raises
    ------
    featlib.FeatlibError
        If it has no length or no rows, or is empty.
    """

    def __init__(self, dataset: Dataset) -> None:
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            wanted = "a folder, or a dataset with len(dataset) and dataset[i]"
            fix = "Iterable datasets cannot be resumed; write their images to a folder."
            checks.refuse("shards.extract", wanted, describe(dataset), fix)
        self.dataset: Any = dataset  # torch's type of a dataset has no length
        if not len(self.dataset):
            checks.refuse("shards.extract", "images", "an empty dataset", "Check the dataset.")
        self.classes = getattr(dataset, "classes", None)

    def __len__(self) -> int:
        return len(self.dataset)

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
            Its row, as text.
        label : str or None
            Its class.
        picture : numpy.ndarray or str
            uint8 S×S×3, or the reason why it cannot be used.

        Raises
        ------
        featlib.FeatlibError
            If the image is a tensor that is not uint8 3×H×W.
        """
        image, label = self.dataset[i]
        if isinstance(label, (int, np.integer, torch.Tensor)):
            label = self.classes[int(label)] if self.classes else int(label)
        if isinstance(image, torch.Tensor):
            checks.pixels(image[None], "shards.extract")
            image = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        return str(i), str(label), square(image, size)

    def usual_size(self) -> int:
        """Return the size to read the images at where nobody chose one, judged by the first ten.

        Returns
        -------
        int
            224, or 128 where most are thumbnails.
        """
        first = [self.dataset[i][0] for i in range(min(10, len(self)))]
        shapes = [i.shape[-2:] if isinstance(i, torch.Tensor) else i.size for i in first]
        return usual_size(map(min, shapes))

    def digest(self) -> str:
        """Hash what tells one dataset from another, without reading its images.

        Returns
        -------
        str
            SHA-256 in hexadecimal, over the dataset's type, length and description (its repr).
        """
        words = f"{type(self.dataset).__qualname__} {len(self)} {self.dataset!r}"
        # The address of an object in memory differs from process to process.
        words = words if " at 0x" not in words else words.split(" at 0x")[0]
        return hashlib.sha256(words.encode()).hexdigest()
