"""A classifier made of a kept model: tomorrow's predictions, with the numbers of the lesson."""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from featlib import backbone, checks, features, trace
from featlib import head as heads
from featlib.engine import threads
from featlib.engine.decode import decode_one, strictly
from featlib.engine.walk import walk
from featlib.engine.words import printable, readable
from featlib.model.card import OWN, Card
from featlib.model.folder import read_model
from featlib.scale.pictures import Picture, read
from featlib.weights import Weights, read_weights

__all__ = ["Classifier", "Prediction", "load"]

log = logging.getLogger("featlib")

_WHERE = "featlib.load"
_BATCH = 64  # pictures in one forward pass at most
_NAMED = 5  # classes in a repr, files in a warning

_Item = TypeVar("_Item", bound=Path | torch.Tensor)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a classifier says of one picture file. Each prediction equals itself alone.

    Attributes
    ----------
    file : pathlib.Path
        The picture.
    probabilities : torch.Tensor or None
        float32 C, in the order of the classifier's classes; they sum to 1. None where the file
        cannot be read.
    reason : str
        Why it cannot be read; empty where it can.
    """

    file: Path
    probabilities: torch.Tensor | None
    reason: str = ""


@dataclass(frozen=True, repr=False, eq=False)
class Classifier:
    """A frozen backbone and a trained head, as `load` returns them.

    It computes on the processor, so that it says the same everywhere. Each classifier equals itself
    alone; `pickle` keeps all of it.

    Attributes
    ----------
    card : featlib.model.card.Card
        What is known of it: its classes, how good it is, how it was made.
    head : torch.nn.Linear
        512 features to C logits.
    weights : featlib.weights.Weights
        Those of the backbone, with the preprocessing of the card.
    """

    card: Card
    head: nn.Linear
    weights: Weights

    @property
    def classes(self) -> tuple[str, ...]:
        """The name of each class number, C of them."""
        return self.card.classes

    def __repr__(self) -> str:
        names = ", ".join(self.classes[:_NAMED])
        more = f" and {len(self.classes) - _NAMED:,} more" if len(self.classes) > _NAMED else ""
        low, high = self.card.interval
        return printable(
            f"Classifier({len(self.classes):,} classes: {names}{more}; {self.card.accuracy:.1%} of "
            f"{self.card.validation_pictures:,} validation pictures right, 95% interval "
            f"{low:.1%} to {high:.1%})"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def predict(self, pictures: Picture | Sequence[Picture]) -> str | list[str] | dict[str, str]:
        """Say which class fits best.

        Parameters
        ----------
        pictures : str, pathlib.Path, PIL.Image.Image, numpy.ndarray, torch.Tensor, list or tuple
            A picture in any form that `Lesson.predict` takes: the path of a file, a picture of
            Pillow, or pixels 3×H×W, H×W×3 or H×W, whole numbers 0–255 or floats 0–1. Or a list of
            these, or the path of a folder.

        Returns
        -------
        str, list of str or dict of str to str
            The name of a class: for one picture a text, for a list a list. For a folder a dict,
            from the path of each picture within it; the log names the files that cannot be read.

        Raises
        ------
        featlib.FeatlibError
            If a picture cannot be read, or a folder holds none that can.

        Examples
        --------
        >>> from featlib import images, lesson, load
        >>> emoji = images.load("emoji10")
        >>> folder = lesson.run(emoji, baselines=False, progress=False).save("my_model")
        >>> classifier = load(folder)
        >>> classifier.predict(emoji.picture(0))
        'animal'
        >>> classifier.predict([emoji.pixels[0], emoji.pixels[999]])
        ['animal', 'sign']
        """
        found = self._probabilities(pictures, "Classifier.predict")
        if isinstance(found, dict):
            return {name: self._label(row) for name, row in found.items()}
        return self._label(found) if found.ndim == 1 else [self._label(row) for row in found]

    def predict_proba(
        self, pictures: Picture | Sequence[Picture]
    ) -> torch.Tensor | dict[str, torch.Tensor]:
        """Say how well each class fits.

        Parameters
        ----------
        pictures : str, pathlib.Path, PIL.Image.Image, numpy.ndarray, torch.Tensor, list or tuple
            uint8 3×H×W, or any other form of one picture, a list, or a folder: as for `predict`.

        Returns
        -------
        torch.Tensor or dict of str to torch.Tensor
            Probabilities in the order of `classes`: float32 C for one picture, N×C for a list. For
            a folder a dict, from the path of each picture within it to float32 C.

        Raises
        ------
        featlib.FeatlibError
            If a picture cannot be read, or a folder holds none that can.

        Examples
        --------
        >>> from featlib import images, lesson, load
        >>> emoji = images.load("emoji10")
        >>> folder = lesson.run(emoji, baselines=False, progress=False).save("my_model")
        >>> rows = load(folder).predict_proba([emoji.pixels[0], emoji.picture(1)])
        >>> rows.shape, [round(total, 4) for total in rows.sum(1).tolist()]
        (torch.Size([2, 10]), [1.0, 1.0])
        """
        return self._probabilities(pictures, "Classifier.predict_proba")

    def explain(self, picture: Picture) -> trace.PredictionTrace:
        """Follow one picture through the four layers of a prediction, as `Lesson.predict` does.

        Parameters
        ----------
        picture : str, pathlib.Path, PIL.Image.Image, numpy.ndarray or torch.Tensor
            uint8 3×H×W, or any other form of one picture: as for `predict`.

        Returns
        -------
        featlib.trace.PredictionTrace
            What each layer made of the picture. `explain.contributions` splits a logit into what
            each of its features adds.

        Raises
        ------
        featlib.FeatlibError
            If the picture cannot be read.

        Examples
        --------
        >>> from featlib import explain, images, lesson, load
        >>> emoji = images.load("emoji10")
        >>> folder = lesson.run(emoji, baselines=False, progress=False).save("my_model")
        >>> classifier = load(folder)
        >>> traced = classifier.explain(emoji.picture(0))
        >>> traced.label
        'animal'
        >>> features, logits = (layer.values for layer in traced.layers[1:3])
        >>> parts = explain.contributions(features, classifier.head, number=0)
        >>> abs(parts.sum() - logits[0]).item() < 1e-4
        True
        """
        pixels = read(picture, self.card.picture_size, "Classifier.explain")
        row = self._forward(pixels[None])[0]
        return trace.predict_from_features(pixels, row, self.head, self.classes)

    def stream(self, paths: Iterable[str | os.PathLike[str]]) -> Iterator[Prediction]:
        """Predict any number of picture files, in bounded memory.

        Parameters
        ----------
        paths : iterable of str or pathlib.Path
            Files, and folders that are searched with their subfolders, in the order of their names.

        Yields
        ------
        Prediction
            For each file, in this order, as soon as its probabilities are known.

        Raises
        ------
        featlib.FeatlibError
            If one is no path. A path that leads nowhere is a file that cannot be read.

        Examples
        --------
        >>> from featlib import images, lesson, load
        >>> emoji = images.load("emoji10")
        >>> classifier = load(lesson.run(emoji, baselines=False, progress=False).save("my_model"))
        >>> emoji.picture(0).save("cat.png")
        >>> for prediction in classifier.stream(["cat.png"]):
        ...     print(prediction.file.name, prediction.probabilities.shape)
        cat.png torch.Size([10])
        """
        where = "Classifier.stream"
        paths = [paths] if isinstance(paths, (str, os.PathLike)) else paths
        for file, answer in self._predict(
            (f for path in paths for f in _files(path, where)), where
        ):
            if isinstance(answer, str):
                yield Prediction(file, None, answer)
            else:
                yield Prediction(file, answer)

    def _probabilities(self, given: Any, where: str) -> torch.Tensor | dict[str, torch.Tensor]:
        if isinstance(given, (list, tuple)):
            return self._rows(given, where)
        if isinstance(given, (str, os.PathLike)) and checks.path(given, where, "pictures").is_dir():
            return self._of_folder(checks.path(given, where, "pictures"), where)
        return self._rows([given], where)[0]

    def _rows(self, given: Sequence[Any], where: str) -> torch.Tensor:
        """Return a row of probabilities for each picture of a list; refuse what is none."""
        rows = []
        for item, answer in self._predict((self._item(one, where) for one in given), where):
            if isinstance(answer, str):
                checks.refuse(where, f"a picture in '{item}'", answer, "Try another file.")
            rows.append(answer)
        return torch.stack(rows) if rows else torch.empty(0, len(self.classes))

    def _item(self, picture: Any, where: str) -> Path | torch.Tensor:
        """Return the path of a file, which exists, or pixels uint8 3×H×W."""
        if isinstance(picture, (str, os.PathLike)):
            return checks.file(os.fspath(picture), where, "a picture")
        return read(picture, self.card.picture_size, where)

    def _of_folder(self, folder: Path, where: str) -> dict[str, torch.Tensor]:
        found, refused = {}, []
        for file, answer in self._predict(walk(folder), where):
            name = readable(file.relative_to(folder).as_posix())
            if isinstance(answer, str):
                refused.append(f"{name} ({answer})")
            else:
                found[name] = answer
        some = "; ".join(refused[:_NAMED]) or "no file"
        if not found:
            checks.refuse(where, f"pictures in '{folder}'", some, "Check the folder.")
        if refused:
            log.warning("classifier: %s files cannot be read: %s", f"{len(refused):,}", some)
        return found

    def _label(self, row: torch.Tensor) -> str:
        return self.classes[int(row.argmax())]

    @cached_property
    def _forward(self) -> Callable[[torch.Tensor], torch.Tensor]:
        return features.fast_forward(self.weights, self.card.precision, "cpu")

    def _predict(
        self, items: Iterable[_Item], where: str
    ) -> Iterator[tuple[_Item, torch.Tensor | str]]:
        """Yield each item with its probabilities, float32 C, or the reason why there are none."""
        items, size = iter(items), self.weights.transform.side(1, 1)
        while piece := list(islice(items, _BATCH * torch.get_num_threads())):
            n = threads.batch_size(len(piece), _BATCH, size)
            batches = [piece[start : start + n] for start in range(0, len(piece), n)]
            with strictly():
                answers = [
                    answer
                    for batch in threads.map_ordered(self._features, batches)
                    for answer in batch
                ]
            rows = [answer for answer in answers if not isinstance(answer, str)]
            if rows:
                logits = heads.logits(self.head, torch.stack(rows), len(self.classes), where)
                probabilities = iter(logits.softmax(1))
                answers = [a if isinstance(a, str) else next(probabilities) for a in answers]
            yield from zip(piece, answers, strict=True)

    def _features(self, items: Sequence[Path | torch.Tensor]) -> list[torch.Tensor | str]:
        """Return for each item float32 512, or the reason why there is no picture."""
        found = [self._decode(item) if isinstance(item, Path) else item for item in items]
        pixels = [one for one in found if isinstance(one, torch.Tensor)]
        rows = iter(
            [
                row
                for _, same in groupby(pixels, lambda one: one.shape)
                for row in self._forward(torch.stack(list(same)))
            ]
        )
        return [one if isinstance(one, str) else next(rows) for one in found]

    def _decode(self, file: Path) -> torch.Tensor | str:
        if file.is_dir():
            return "a folder that cannot be listed"
        picture = decode_one(file, self.card.picture_size)
        if isinstance(picture, str):
            return picture
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


def load(
    path: str | os.PathLike[str],
    *,
    weights: str | Path | Weights | Mapping[str, torch.Tensor] | nn.Module | None = None,
) -> Classifier:
    """Load a model that `Lesson.save` or ``featlib run --save`` has written.

    Nothing in it is unpickled, and each file must be as it was written.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder.
    weights : str, pathlib.Path, featlib.weights.Weights, dict or torch.nn.Module, optional
        Those of the backbone, as for `weights.read_weights`. They are needed where the model was
        made with weights of your own, and must be the same.

    Returns
    -------
    Classifier
        Ready to predict.

    Raises
    ------
    featlib.FeatlibError
        If there is no model in the folder, a file in it is altered, cut off, or of a newer featlib,
        or the weights are not those that the model was made with.

    Examples
    --------
    >>> import featlib
    >>> featlib.run(baselines=False, progress=False).save("my_model").name
    'my_model'
    >>> featlib.load("my_model").classes[:3]
    ('animal', 'face', 'food')
    """
    card, head = read_model(path, _WHERE)
    if weights is None and card.backbone == OWN:
        wanted = "the weights of your own that the model was made with"
        fix = f"Pass the file: featlib.load({str(path)!r}, weights='my_resnet18.pt')."
        checks.refuse(_WHERE, wanted, "none: they are not in the folder", fix)
    read = read_weights(card.backbone if weights is None else weights)
    found = backbone.fingerprint(read.state())
    if found != card.backbone_sha256:
        checks.refuse(
            _WHERE,
            f"the backbone that the head was trained on, with SHA-256 {card.backbone_sha256[:12]}…",
            f"weights '{read.name}' with {found[:12]}…",
            "Pass its weights: featlib.load(…, weights='my_resnet18.pt').",
        )
    return Classifier(card, head, replace(read, transform=card.transform))


def _files(path: Any, where: str) -> Iterator[Path]:
    """Yield a file, or all files of a folder."""
    place = checks.path(path, where, "pictures")
    if place.is_dir():
        yield from walk(place)
    else:
        yield place
