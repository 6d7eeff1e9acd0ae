"""Where many images come from: a folder of pictures, or a dataset as torchvision has them."""

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from featlib import checks
from featlib.engine.decode import FORMATS, decode_one, square
from featlib.engine.words import describe, readable
from featlib.images import list_files

ENDINGS = tuple(f".{name.lower()}" for name in (*FORMATS, "JPG"))


class FolderSource:
    """The pictures of a folder and its subfolders, in the order of their names.

    The first subfolder on the way to a picture is its label; one that lies in the folder itself has
    none.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder. Hidden files and folders are skipped, and so are files that are no pictures
        by their ending.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or no picture in it.
    """

    def __init__(self, folder):
        self.folder = checks.folder(folder, "shards.extract", "pictures").resolve()
        found = [path for path in list_files(self.folder) if path.lower().endswith(ENDINGS)]
        self.names = sorted(Path(path).relative_to(self.folder).as_posix() for path in found)
        if not self.names:
            wanted = f"pictures ({', '.join(ENDINGS)}) in '{folder}' or its subfolders"
            checks.refuse("shards.extract", wanted, "none", "Check the folder.")

    def __len__(self):
        return len(self.names)

    def read(self, i, size):
        """Return name, label and picture of one image.

        Parameters
        ----------
        i : int
            Its row.
        size : int
            Height and width in pixels.

        Returns
        -------
        tuple of (str, str or None, numpy.ndarray or str)
            The picture as uint8 S×S×3, or the reason why there is none.
        """
        name = readable(self.names[i])
        first, *rest = name.split("/")
        return name, first if rest else None, decode_one(self.folder / self.names[i], size)

    def digest(self):
        """Return a hash of all names, sizes and times of change."""
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
    """A dataset as torchvision has them: ``len(dataset)``, and ``dataset[i]`` is image and label.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Its images are Pillow pictures, or uint8 tensors 3×H×W. Labels are numbers or words; numbers
        are looked up in ``dataset.classes`` where that is there.

    Raises
    ------
    featlib.FeatlibError
        If it is no such dataset, or empty.
    """

    def __init__(self, dataset):
        if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            wanted = "a folder, or a dataset with len(dataset) and dataset[i]"
            fix = "Iterable datasets cannot be resumed; write their images to a folder."
            checks.refuse("shards.extract", wanted, describe(dataset), fix)
        if not len(dataset):
            checks.refuse("shards.extract", "images", "an empty dataset", "Check the dataset.")
        self.dataset = dataset
        self.classes = getattr(dataset, "classes", None)

    def __len__(self):
        return len(self.dataset)

    def read(self, i, size):
        """Return name, label and picture of one image, as `FolderSource.read` does."""
        image, label = self.dataset[i]
        if isinstance(label, (int, np.integer, torch.Tensor)):
            label = self.classes[int(label)] if self.classes else int(label)
        if isinstance(image, torch.Tensor):
            checks.pixels(image[None], "shards.extract")
            image = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        return str(i), str(label), square(image, size)

    def digest(self):
        """Return a hash of the dataset's kind, description and length."""
        words = f"{type(self.dataset).__qualname__} {len(self)} {self.dataset!r}"
        # The address of an object is another in every process.
        words = words if " at 0x" not in words else words.split(" at 0x")[0]
        return hashlib.sha256(words.encode()).hexdigest()
