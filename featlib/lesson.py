"""The five stages in a row, timed and traced."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from functools import cached_property, partial
from inspect import signature
from numbers import Integral, Real
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from featlib import backbone as backbones
from featlib import checks, features, head, preprocess, trace, validation
from featlib import images as image_sets
from featlib.engine.words import describe, dtype_name
from featlib.head import TrainingTrace
from featlib.images import NAMES, ImageSet
from featlib.model.folder import write_model
from featlib.scale import pictures
from featlib.scale.pictures import Picture
from featlib.validation import Report
from featlib.weights import Weights, read_weights

__all__ = ["Baseline", "Lesson", "run"]

_RAW = 64  # pixels a side: the raw pixels of a photograph would be 150,528 inputs
_RAW_BYTES = 200e6  # of the raw pixels of all images, as float32


@dataclass(frozen=True)
class Baseline:
    """What the identical linear layer reaches on another input.

    Attributes
    ----------
    name : str
        The input.
    accuracy : float
        Share of the validation images that are classified right.
    seconds : float
        Time from images to accuracy.
    size : int
        Height and width of the images in pixels. Raw pixels are those of copies of 64×64 at most;
        of more than 4,069 images those of 32×32, of more than 16,276 those of 16×16.
    """

    name: str
    accuracy: float
    seconds: float
    size: int


@dataclass(frozen=True, repr=False, eq=False)
class Lesson:
    """Everything that one run of the five stages made.

    Each run equals itself alone. `pickle` keeps all of it, with the images; `save` keeps what it
    takes to classify other pictures.

    Attributes
    ----------
    images : featlib.images.ImageSet
        Stage 1.
    weights : featlib.weights.Weights
        The weights of the backbone of stage 3.
    features : torch.Tensor
        float32 N×512: the result of stage 3.
    head : torch.nn.Linear
        What stage 4 trained: 512 features to C logits.
    training : featlib.head.TrainingTrace
        How stage 4 went, epoch by epoch.
    report : featlib.validation.Report
        The result of stage 5.
    data_flow : tuple of featlib.trace.Stage
        Shapes, dtypes and seconds of all five.
    baselines : tuple of Baseline
        The identical linear layer on raw pixels, and on features of an untrained network; empty
        where they were not wanted.
    features_from_cache : bool
        Whether stage 3 read its features instead of computing them.
    seconds : float
        Time of the whole run.
    """

    images: ImageSet
    weights: Weights
    features: torch.Tensor
    head: nn.Linear
    training: TrainingTrace
    report: Report
    data_flow: tuple[trace.Stage, ...]
    baselines: tuple[Baseline, ...]
    features_from_cache: bool
    seconds: float

    def __repr__(self) -> str:
        return f"Lesson({self.images!r}, {self.report!r})"

    @cached_property
    def backbone(self) -> backbones.Backbone:
        """featlib.backbone.Backbone: the frozen network, built on first use.

        Stage 3 does without it where it reads its features from the cache. It brings every image to
        the size of this run: the head knows features of no other.
        """
        size = self.weights.transform.side(*self.images.pixels.shape[-2:])
        return backbones.resnet18(self.weights, size=size)

    def predict(self, image: int | Picture) -> trace.PredictionTrace:
        """Follow one image through the four layers of a prediction.

        Parameters
        ----------
        image : int, str, pathlib.Path, PIL.Image.Image, numpy.ndarray or torch.Tensor
            A row of `images`, counted from the end if it is negative; the path of a picture; a
            picture of Pillow; or pixels 3×H×W, H×W×3 or H×W, whole numbers 0–255 or floats 0–1.
            Files and pictures of Pillow are cropped in the middle and scaled to the size of
            `images`.

        Returns
        -------
        featlib.trace.PredictionTrace
            With the right class only for a row of `images`.

        Raises
        ------
        featlib.FeatlibError
            If there is no such row, the file is no picture, or the pixels are not as above.

        Examples
        --------
        >>> from featlib import images, lesson
        >>> emoji = images.load("emoji10")
        >>> few = images.from_arrays(emoji.pixels[:40], emoji.labels[:40], emoji.classes)
        >>> finished = lesson.run(few, cache=False, progress=False)
        >>> finished.predict(39).label == finished.predict(few.picture(39)).label
        True
        """
        classes = self.images.classes
        row = _row(image, len(self.images))
        if row is not None:
            truth = classes[self.images.labels[row]]
            pixels, known = self.images.pixels[row], self.features[row]
            return trace.predict_from_features(pixels, known, self.head, classes, truth=truth)
        pixels = pictures.read(
            cast("Picture", image), self.images.pixels.shape[-1], "Lesson.predict"
        )
        return trace.predict(pixels, self.backbone, self.head, classes)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a model that `featlib.load` and ``featlib predict`` take.

        Parameters
        ----------
        path : str or pathlib.Path
            A folder for ``head.safetensors`` with the head, ``card.json`` with the facts, and
            ``README.md`` with the same for people. It is made if there is none; an earlier model in
            it is replaced. No picture, no path and no file's name is written.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        featlib.FeatlibError
            If the folder cannot be written, or other files are there under these names. An earlier
            model is then as it was.

        Examples
        --------
        >>> import featlib
        >>> lesson = featlib.run(baselines=False, progress=False)
        >>> classifier = featlib.load(lesson.save("my_model"))
        >>> classifier.predict(lesson.images.picture(999)) == lesson.predict(999).label
        True
        """
        return write_model(
            path,
            "Lesson.save",
            head=self.head,
            weights=self.weights,
            images=self.images,
            recipe=self.training.recipe,
            report=self.report,
        )

    def example(self) -> int:
        """Choose a validation image to trace: the first cat, or else the first image.

        Returns
        -------
        int
            Its row in `images`.
        """
        cats = self.images.find("cat")
        return cats[0] if cats else int(self.images.validation[0])

    def accuracies(self) -> dict[str, float]:
        """Return the validation accuracies of the baselines and of this run.

        Returns
        -------
        dict of str to float
            From what the linear layer was trained on to a share of 0–1; this run is the last.
        """
        ours = {"pretrained features": self.report.accuracy}
        return {b.name.replace("_", " "): b.accuracy for b in self.baselines} | ours

    def to_dict(self) -> dict[str, Any]:
        """Return the run's facts as plain data that `json.dumps` takes.

        Returns
        -------
        dict
            With the keys ``images``, ``skipped``, ``data_flow``, ``recipe``, ``training_trace``,
            ``validation``, ``baselines``, ``prediction``, ``features_from_cache`` and ``seconds``.
        """
        prediction = self.predict(self.example())
        probabilities = prediction.probabilities.tolist()
        return {
            "images": repr(self.images),
            "skipped": [{"file": file, "reason": reason} for file, reason in self.images.skipped],
            "data_flow": [asdict(stage) for stage in self.data_flow],
            "recipe": asdict(self.training.recipe),
            "training_trace": [asdict(row) for row in self.training.epochs],
            "validation": {
                "accuracy": self.report.accuracy,
                "interval": list(self.report.interval),
                "loss": self.report.loss,
                "confusion": self.report.confusion.tolist(),
                "classes": [
                    {"name": name, "precision": p, "recall": r, "f1": f}
                    for name, p, r, f in zip(
                        self.report.classes,
                        self.report.precision.tolist(),
                        self.report.recall.tolist(),
                        self.report.f1.tolist(),
                        strict=True,
                    )
                ],
            },
            "baselines": {
                b.name: {"accuracy": b.accuracy, "seconds": b.seconds, "size": b.size}
                for b in self.baselines
            },
            "prediction": {
                "image": self.images.captions[self.example()],
                "layers": [
                    {
                        "name": layer.name,
                        "shape": list(layer.values.shape),
                        "dtype": dtype_name(layer.values),
                        "says": layer.says,
                    }
                    for layer in prediction.layers
                ],
                "label": prediction.label,
                "truth": prediction.truth,
                "probabilities": dict(zip(prediction.classes, probabilities, strict=True)),
            },
            "features_from_cache": self.features_from_cache,
            "seconds": self.seconds,
        }


def run(
    images: str | Path | ImageSet = "emoji10",
    *,
    validation: float | str | Path | None = None,
    weights: str | Path | Weights | Mapping[str, torch.Tensor] | nn.Module = "bundled",
    size: int | None = None,
    baselines: bool = True,
    extract: Callable[[ImageSet, Weights], torch.Tensor] | None = None,
    cache: bool = True,
    progress: bool = True,
    **settings: Any,
) -> Lesson:
    """Run all five stages.

    Parameters
    ----------
    images : str, pathlib.Path or featlib.images.ImageSet
        A name that `images.load` knows, a folder for `images.from_folder`, or an image set.
    validation : float, str or pathlib.Path, optional
        Where `images` is a folder: the share of each class that is kept for validation, or another
        folder with the same classes, of which every image is. Left out, a fifth.
    weights : str, pathlib.Path, featlib.weights.Weights, dict or torch.nn.Module
        As for `weights.read_weights`.
    size : int, optional
        Height and width in pixels at which the network sees the images; a folder is read at this
        size, too. Left out, the size belongs to the images: see `images.from_folder`.
    baselines : bool
        Whether to train the same layer on raw pixels and on features of an untrained network, too.
    extract : callable, optional
        Makes the features float32 N×512 of the images, in place of `features.extract`: where some
        are known already, say.
    cache : bool
        Whether to keep features on disk, and to read those that are there.
    progress : bool
        Whether to show a bar when it takes more than two seconds.
    **settings
        As for `head.train`: `epochs`, `learning_rate`, and so on.

    Returns
    -------
    Lesson
        What each stage made, with its time, and the baselines.

    Raises
    ------
    featlib.FeatlibError
        If the images, the weights or a setting are wrong.

    Examples
    --------
    Forty images, so that it is quick; `run()` takes all 1000.

    >>> from featlib import images, lesson
    >>> emoji = images.load("emoji10")
    >>> few = images.from_arrays(emoji.pixels[:40], emoji.labels[:40], emoji.classes)
    >>> finished = lesson.run(few, epochs=2, cache=False, progress=False)
    >>> [stage.out_shape for stage in finished.data_flow]
    [(40, 3, 64, 64), (40, 3, 64, 64), (40, 512), (30, 10), (10, 10)]
    >>> finished.predict(0).label in emoji.classes
    True
    """
    clock = _Clock()
    _check_settings(settings, baselines=baselines, cache=cache, progress=progress)
    settings["progress"] = progress
    usual = partial(features.extract, cache=cache, progress=progress)
    network = read_weights(weights, size=size)  # first, since their card may name a size
    with clock.stage():
        options = {"size": network.transform.size, "cache": cache, "progress": progress}
        images = _image_set(images, validation, options)
    with clock.stage():
        scaled = _scale(images.pixels)
    with clock.stage():
        if extract:
            rows, from_cache = _own_features(extract(images, network), images), False
        else:
            rows, from_cache = features.extract_or_read(
                images, network, cache=cache, progress=progress
            )
    with clock.stage():
        layer, training = _train(rows.__getitem__, images, settings)
    with clock.stage():
        report = _evaluate(layer, rows.__getitem__, images)
    others = tuple(_baselines(images, network, usual, settings)) if baselines else ()
    flow = _data_flow(images, scaled, rows, layer, report, clock.seconds, from_cache)
    return Lesson(
        images,
        network,
        rows,
        layer,
        training,
        report,
        flow,
        others,
        from_cache,
        clock.since_start(),
    )


def _row(image: Any, n: int) -> int | None:
    """Return the row that is meant, counted from 0; None where no number is."""
    if isinstance(image, (np.ndarray, np.generic, torch.Tensor)) and image.ndim == 0:
        if isinstance(image, torch.Tensor) and image.is_meta:
            return None
        image = image.item()
    if isinstance(image, Integral) and not isinstance(image, bool) and -n <= int(image) < 0:
        return int(image) + n
    if isinstance(image, (Real, complex)):
        return checks.whole_number(cast("int", image), "Lesson.predict", "row", 0, n - 1)
    return None


@dataclass
class _Clock:
    """Measures the time of each stage."""

    started: float = field(default_factory=time.perf_counter)
    seconds: list[float] = field(default_factory=list)

    def since_start(self) -> float:
        return time.perf_counter() - self.started

    @contextmanager
    def stage(self) -> Iterator[None]:
        before = self.since_start()
        yield
        self.seconds.append(self.since_start() - before)


def _check_settings(settings: dict[str, Any], **switches: bool) -> None:
    """Check what can be checked before any work is done."""
    own = [name for name in signature(run).parameters if name not in ("images", "settings")]
    checks.settings(settings, "lesson.run", (*head.Recipe.__dataclass_fields__, *own))
    for name, value in switches.items():
        checks.switch(value, "lesson.run", name)
    head.check_settings(settings)


def _own_features(rows: torch.Tensor, images: ImageSet) -> torch.Tensor:
    where = "lesson.run, extract"
    checks.features(rows, where)
    if len(rows) != len(images):
        fix = "Return one row an image, in the order of the images."
        checks.refuse(where, f"features of {len(images)} images", f"{len(rows)} rows", fix)
    return rows


def _image_set(
    images: Any, validation: float | str | Path | None, options: dict[str, Any]
) -> ImageSet:
    if not isinstance(images, (str, Path, ImageSet)):
        wanted = "images: a name, a folder, or an ImageSet"
        checks.refuse("lesson.run", wanted, describe(images), _how_to_pass(images))
    if not isinstance(images, ImageSet) and str(images) not in NAMES:
        return _from_folder(images, validation, options)
    if validation is not None:
        wanted = "a folder of images where `validation` says which are kept for validation"
        fix = "Leave `validation` out: these images come with a split of their own."
        checks.refuse("lesson.run", wanted, describe(images), fix)
    return images if isinstance(images, ImageSet) else image_sets.load(str(images))


def _from_folder(
    images: str | Path, validation: float | str | Path | None, options: dict[str, Any]
) -> ImageSet:
    if get_close_matches(str(images), NAMES) and not os.path.exists(images):
        checks.one_of(str(images), "lesson.run", "images", NAMES)
    split = {} if validation is None else {"validation": validation}
    return image_sets.from_folder(images, **split, **options)


def _how_to_pass(images: object) -> str:
    """Say how to pass what is no name, no folder and no image set."""
    if isinstance(root := getattr(images, "root", None), (str, os.PathLike)):  # of torchvision
        return f"Pass its folder, '{root}'."
    if images is None or not hasattr(images, "__len__"):
        return 'Leave it out for "emoji10", or pass a folder that has one folder a class in it.'
    return (
        "Pass a folder that has one folder a class, or images.from_arrays(pixels, labels, classes)."
    )


def _scale(pixels: torch.Tensor) -> torch.Tensor:
    """Scale all images, a few at a time; return the first of them.

    All of them as float32 would be four times as large as the pixels, and stage 3 scales its own
    batches.
    """
    # Copies, since a part of a batch keeps the whole of it.
    scaled = [preprocess.scale(batch)[:1].clone() for batch in pixels.split(256)]
    return scaled[0]


def _train(
    rows: Callable[[torch.Tensor], torch.Tensor], images: ImageSet, settings: dict[str, Any]
) -> tuple[nn.Linear, TrainingTrace]:
    """Train a layer; `rows` returns what it sees of some images, an image a row."""
    train, held_out = images.train, images.validation
    return head.train(
        rows(train),
        images.labels[train],
        len(images.classes),
        validation=(rows(held_out), images.labels[held_out]),
        **settings,
    )


def _evaluate(
    layer: nn.Linear, rows: Callable[[torch.Tensor], torch.Tensor], images: ImageSet
) -> Report:
    held_out = images.validation
    return validation.evaluate(layer, rows(held_out), images.labels[held_out], images.classes)


def _baselines(
    images: ImageSet,
    network: Weights,
    extract: Callable[[ImageSet, Weights], torch.Tensor],
    settings: dict[str, Any],
) -> Iterator[Baseline]:
    """Train the identical linear layer on two inputs that no other images have shaped."""
    height, width = images.pixels.shape[-2:]
    untrained = read_weights("untrained", size=network.transform.size)
    seen = untrained.transform.side(height, width)
    side = _raw_side(len(images))
    inputs = {
        "raw_pixels": (lambda: partial(_raw, images.pixels, side), min(height, side)),
        "untrained_backbone": (lambda: extract(images, untrained).__getitem__, seen),
    }
    for name, (make, size) in inputs.items():
        started = time.perf_counter()
        rows = make()
        layer, _ = _train(rows, images, settings)
        accuracy = _evaluate(layer, rows, images).accuracy
        yield Baseline(name, accuracy, time.perf_counter() - started, size)


def _raw_side(n: int) -> int:
    """Return the largest height and width of copies of which n images are not too many."""
    return next(side for side in (_RAW, 32, 16) if n * 3 * side**2 * 4 <= _RAW_BYTES or side == 16)


def _raw(pixels: torch.Tensor, side: int, rows: torch.Tensor) -> torch.Tensor:
    """Return the numbers 0–1 of some images, an image a row, of small copies of large ones."""
    if max(pixels.shape[-2:]) <= side:
        return preprocess.scale(pixels[rows]).flatten(1)
    copies = preprocess.Transform((0, 0, 0), (1, 1, 1), side)
    parts = (preprocess.prepare(pixels[part], copies) for part in rows.split(256))
    return torch.cat([part.flatten(1) for part in parts])


def _data_flow(
    images: ImageSet,
    scaled: torch.Tensor,
    rows: torch.Tensor,
    layer: nn.Linear,
    report: Report,
    seconds: list[float],
    from_cache: bool,
) -> tuple[trace.Stage, ...]:
    """Write down what really went in and came out of each stage; `scaled` is the first image."""
    train = rows[images.train]
    scaled = scaled.expand(images.pixels.shape)
    with torch.no_grad():
        logits = layer(train)
    probabilities = report.probabilities
    label = images.classes[images.labels[0]]
    extraction = "read 512 features an image from the cache" if from_cache else "frozen ResNet18"
    parts = (
        ("raw image input", None, "picture files", "collect color images", images.pixels,
         f"image 0 ({label}), first pixel: {images.pixels[0, :, 0, 0].tolist()}"),
        ("preprocessing", images.pixels, None, "scale 0–255 to 0–1", scaled,
         f"the same pixel: {_numbers(scaled[0, :, 0, 0])}"),
        ("feature extraction", scaled, None, extraction, rows,
         f"image 0: {_numbers(rows[0, :3])}, …"),
        ("classifier training", train, None, "train one linear layer", logits,
         f"logits: {_numbers(logits[0, :3])}, …"),
        ("validation", rows[images.validation], None, "evaluate on unseen images", probabilities,
         f"{report.accuracy:.0%} right"),
    )  # fmt: skip
    return tuple(
        trace.Stage(
            number,
            name,
            None if given is None else tuple(given.shape),
            source or dtype_name(given),
            does,
            tuple(made.shape),
            dtype_name(made),
            example,
            time_taken,
        )
        for number, ((name, given, source, does, made, example), time_taken) in enumerate(
            zip(parts, seconds, strict=True), 1
        )
    )


def _numbers(values: torch.Tensor) -> str:
    return ", ".join(f"{value:.2f}" for value in values.tolist())
