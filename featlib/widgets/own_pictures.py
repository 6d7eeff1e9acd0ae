"""Pictures of the learner's own, in classes: read once, and kept in memory alone."""

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.nn.functional as F

from featlib import checks, features, images, lesson
from featlib.engine.decode import (
    PHOTOGRAPH,
    decode_one,
    shorter_sides,
    strictly,
    usual_size,
)
from featlib.engine.words import printable
from featlib.images import ImageSet
from featlib.weights import Weights

__all__ = [
    "FEWEST",
    "MOST",
    "WHERE",
    "OwnClass",
    "OwnPicture",
    "OwnPictures",
    "decoded",
]

WHERE = "own pictures"  # how messages begin
FEWEST = 2  # pictures a class: one to train on, one to validate on
MOST = 10  # classes
_NAME = 40  # characters of a class's name, as in own_images.js
_REFUSED = 100  # files that are named at most


@dataclass(frozen=True, eq=False)
class OwnPicture:
    """One picture as the network will see it.

    Attributes
    ----------
    name : str
        Its file's.
    pixels : torch.Tensor
        uint8 3×224×224.
    side : int
        The shorter side that it came with, in pixels.
    """

    name: str
    pixels: torch.Tensor
    side: int

    @cached_property
    def digest(self) -> bytes:
        """bytes: the same for the same pixels."""
        return hashlib.sha256(self.pixels.numpy().tobytes()).digest()

    def at(self, size: int) -> torch.Tensor:
        """Return the pixels at a size.

        Parameters
        ----------
        size : int
            Height and width.

        Returns
        -------
        torch.Tensor
            uint8 3×S×S with S = `size`.
        """
        if size == self.pixels.shape[-1]:
            return self.pixels
        small = F.interpolate(self.pixels[None].float(), (size, size), mode="area")
        return small[0].round().to(torch.uint8)


@dataclass(eq=False)
class OwnClass:
    """A class with its pictures.

    Attributes
    ----------
    name : str
        What the learner calls it; empty while it is being typed.
    pictures : dict of int to OwnPicture
        By their numbers, which are never given twice.
    refused : list of str
        Files of the last choice that are no pictures, each with the reason.
    """

    name: str
    pictures: dict[int, OwnPicture] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """int: how many pictures it needs before there can be a training."""
        return max(0, FEWEST - len(self.pictures))


class OwnPictures:
    """Two to ten classes of pictures, and the features of those that were trained on.

    Attributes
    ----------
    classes : dict of int to OwnClass
        By their numbers, which are never given twice.
    """

    def __init__(self) -> None:
        self.classes: dict[int, OwnClass] = {}
        self._class_numbers, self._picture_numbers = itertools.count(), itertools.count()
        self._rows: dict[tuple[bytes, int], torch.Tensor] = {}  # features, by digest and size
        for _ in range(2):
            self.add("")

    def add(self, name: str) -> int:
        """Add a class.

        Parameters
        ----------
        name : str
            Left empty, it is "Class" and a number.

        Returns
        -------
        int
            Its number.

        Raises
        ------
        featlib.FeatlibError
            If there are ten already.
        """
        if len(self.classes) >= MOST:
            checks.refuse(WHERE, f"at most {MOST} classes", "one more", "Remove another one first.")
        number = next(self._class_numbers)
        self.classes[number] = OwnClass(_clean(name) or f"Class {number + 1}")
        return number

    def rename(self, number: int, name: str) -> None:
        """Give a class another name.

        Parameters
        ----------
        number : int
            Of the class.
        name : str
            What cannot be shown is taken out; 40 characters are kept.

        Raises
        ------
        featlib.FeatlibError
            If there is no such class.
        """
        self[number].name = _clean(name)

    def drop(self, number: int) -> None:
        """Remove a class with its pictures.

        Parameters
        ----------
        number : int
            Of the class.

        Raises
        ------
        featlib.FeatlibError
            If there is no such class, or only two are left.
        """
        if number in self.classes and len(self.classes) <= 2:
            fix = "Give it another name, or add a class first."
            checks.refuse(WHERE, "at least two classes", "one to be removed", fix)
        self.clear(number)
        del self.classes[number]

    def __getitem__(self, number: int) -> OwnClass:
        if number not in self.classes:
            known = ", ".join(map(str, self.classes))
            checks.refuse(WHERE, f"a class that is there: {known}", f"{number}", "Choose another.")
        return self.classes[number]

    def put(self, number: int, name: str, content: bytes) -> str:
        """Read a picture into a class.

        Parameters
        ----------
        number : int
            Of the class.
        name : str
            Of the file.
        content : bytes
            The file.

        Returns
        -------
        str
            Why it is not counted; empty if it is. It is among the class's `refused`, too.

        Raises
        ------
        featlib.FeatlibError
            If there is no such class.
        """
        into = self[number]
        pixels = decoded(content, PHOTOGRAPH)
        if isinstance(pixels, str):
            return self.refuse(number, name, pixels)
        side = min(shorter_sides([content]), default=PHOTOGRAPH)
        picture = OwnPicture(printable(name), pixels, side)
        for one in self.classes.values():
            for known in one.pictures.values():
                if known.digest == picture.digest:
                    where = "" if one is into else f" in {one.name or 'another class'}"
                    return self.refuse(number, name, f"same picture as {known.name}{where}")
        into.pictures[next(self._picture_numbers)] = picture
        return ""

    def _all(self) -> Iterator[OwnPicture]:
        for one in self.classes.values():
            yield from one.pictures.values()

    def refuse(self, number: int, name: str, why: str) -> str:
        """Note a file that is not counted.

        Parameters
        ----------
        number : int
            Of the class.
        name : str
            Of the file.
        why : str
            The reason.

        Returns
        -------
        str
            Both, in one line.

        Raises
        ------
        featlib.FeatlibError
            If there is no such class.
        """
        words = printable(f"{name[:100]}: {why}")
        refused = self[number].refused
        if len(refused) < _REFUSED:
            refused.append(words)
        return words

    def remove(self, picture: int) -> None:
        """Remove a picture.

        Parameters
        ----------
        picture : int
            Its number. One that is not there any more is no fault: two pages may show it.
        """
        for one in self.classes.values():
            if (removed := one.pictures.pop(picture, None)) is not None:
                self._rows = {k: row for k, row in self._rows.items() if k[0] != removed.digest}

    def clear(self, number: int) -> None:
        """Remove all pictures of a class.

        Parameters
        ----------
        number : int
            Of the class.

        Raises
        ------
        featlib.FeatlibError
            If there is no such class.
        """
        self[number].refused.clear()
        for picture in list(self[number].pictures):
            self.remove(picture)

    def picture(self, number: int) -> OwnPicture | None:
        """Return a picture by its number.

        Parameters
        ----------
        number : int
            Of the picture.

        Returns
        -------
        OwnPicture or None
            None where it was removed.
        """
        found = (one.pictures.get(number) for one in self.classes.values())
        return next((picture for picture in found if picture), None)

    def train(self) -> lesson.Lesson:
        """Run the five stages on the pictures; only those that are new are put through stage 3.

        Returns
        -------
        featlib.lesson.Lesson
            Nothing of it is kept on disk.

        Raises
        ------
        featlib.FeatlibError
            If there are fewer than two classes with pictures, one has only one, or two have the
            same name.
        """
        # They are private and gone soon: nothing of them is kept in the cache.
        return lesson.run(
            self._image_set(), extract=self._features, baselines=False, cache=False, progress=False
        )

    def _image_set(self) -> ImageSet:
        used = [one for one in self.classes.values() if one.pictures]
        names = [one.name for one in used]
        nameless = [n + 1 for n, one in self.classes.items() if one.pictures and not one.name]
        fix = "Add pictures to each class, and name it."
        if len(used) < 2:
            checks.refuse(WHERE, "pictures of two to ten classes", f"{len(used)}", fix)
        if nameless:
            checks.refuse(
                WHERE, "a name for each class", f"none for class {nameless[0]}", "Name it."
            )
        if twice := [name for i, name in enumerate(names) if name in names[:i]]:
            checks.refuse(
                WHERE, "another name for each class", f"two called {twice[0]}", "Change one."
            )
        if few := [one.name for one in used if one.missing]:
            wanted = f"at least {FEWEST} pictures in each class"
            got = f"1 in {', '.join(few)}"
            checks.refuse(WHERE, wanted, got, "Add one more there.")
        pictures = list(self._all())
        size = usual_size(picture.side for picture in pictures)
        return images.from_arrays(
            torch.stack([picture.at(size) for picture in pictures]),
            [k for k, one in enumerate(used) for _ in one.pictures],
            names,
            name=WHERE,
            captions=[picture.name for picture in pictures],
        )

    def _features(self, pictures: ImageSet, weights: Weights) -> torch.Tensor:
        """Return the features of all pictures; those that were seen before are known."""
        size = pictures.pixels.shape[-1]
        keys = [(picture.digest, size) for picture in self._all()]
        new = [i for i, key in enumerate(keys) if key not in self._rows]
        if new:
            rows = features.extract(pictures.pixels[new], weights, cache=False, progress=False)
            self._rows |= {keys[i]: row for i, row in zip(new, rows, strict=True)}
        return torch.stack([self._rows[key] for key in keys])


def decoded(content: bytes, size: int) -> torch.Tensor | str:
    """Read the bytes of a picture file.

    Parameters
    ----------
    content : bytes
        A file of any kind.
    size : int
        Height and width to scale and crop to, in pixels.

    Returns
    -------
    torch.Tensor or str
        uint8 3×S×S with S = `size`; or the reason why there is none.
    """
    with strictly():
        pixels = decode_one(content, size)
    if isinstance(pixels, str):
        return pixels
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def _clean(name: str) -> str:
    """Take out of a class's name what cannot be shown."""
    return printable(" ".join(name.split()))[:_NAME].strip()
