"""Stage 3 for scikit-learn: the frozen backbone as a transformer in a pipeline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn

from featlib import checks, features, preprocess
from featlib.backbone import resnet18
from featlib.engine import convert, decode
from featlib.engine.words import describe, dtype_name
from featlib.images import ImageSet
from featlib.scale import pictures
from featlib.weights import Weights

__all__ = ["FeatureExtractor", "Images"]

Images: TypeAlias = np.ndarray | torch.Tensor | ImageSet | Sequence[pictures.Picture]


class FeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """`features.extract` as a transformer, for pipelines, cross-validation and grid search.

    Images may be given as

    - an array or a tensor, uint8 N×3×H×W, as everywhere in featlib. Plain variants are converted:
      N×H×W×3, gray N×H×W, other whole numbers 0–255, and floats 0–1.
    - a list, or a column of a table, of files' paths, pictures of Pillow or arrays, of any sizes.
      Files and pictures of Pillow are cropped in the middle and scaled, as `images.from_folder`
      does.
    - a `featlib.images.ImageSet`.

    Parameters
    ----------
    weights : str, pathlib.Path, featlib.weights.Weights, dict or torch.nn.Module
        As for `backbone.resnet18`.
    size : int, optional
        Height and width, from 32 to 512 pixels, to which every image is brought. Left out: what the
        weights ask for, else the size of the images in `fit`; where these are a list of several
        sizes, that of `images.from_folder`.
    batch_size, precision, device, cache
        As for `features.extract`. With the cache, the features of the same images are computed
        once for all folds and settings of a search.

    Attributes
    ----------
    backbone_ : featlib.backbone.Backbone
        The frozen network; there after `fit`.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from featlib import FeatureExtractor, images
    >>> emoji = images.load("emoji10")
    >>> X, y = emoji.pixels[:20].numpy(), emoji.labels[:20].numpy()
    >>> FeatureExtractor(cache=False).fit_transform(X).shape
    (20, 512)
    >>> pipeline = make_pipeline(FeatureExtractor(cache=False), LogisticRegression(max_iter=1000))
    >>> pipeline.fit(X, y).score(X, y)  # on the images of the training
    1.0
    >>> pictures = [emoji.picture(i) for i in range(20)]  # of Pillow
    >>> pipeline.score(pictures, y)
    1.0
    """

    def __init__(
        self,
        weights: str | Path | Weights | Mapping[str, torch.Tensor] | nn.Module = "bundled",
        size: int | None = None,
        batch_size: int = 64,
        precision: str = "fp32",
        device: str = "auto",
        cache: bool = True,
    ) -> None:
        self.weights = weights
        self.size = size
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.cache = cache

    def __sklearn_tags__(self):
        """Say that the input is not a table: scikit-learn's checks with tables do not apply."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def fit(self, X: Images, y: object = None) -> "FeatureExtractor":
        """Load the backbone; nothing is learned from the images.

        Parameters
        ----------
        X : numpy.ndarray, torch.Tensor, list or featlib.images.ImageSet
            N images: uint8 N×3×H×W, values 0–255, or another of the forms above.
        y : object
            Ignored.

        Returns
        -------
        FeatureExtractor
            This object itself.

        Raises
        ------
        featlib.FeatlibError
            If the images are not as above, or the weights cannot be loaded.
        """
        images = _images(X)
        height, width = _common_size(images) if isinstance(images, list) else images.shape[-2:]
        backbone = resnet18(self.weights, size=self.size)
        # Later images, too: a classifier knows features of no other size.
        backbone.transform = backbone.transform.at(height, width)
        self.backbone_ = backbone
        self._n_features_out = self.backbone_.width
        return self

    def transform(self, X: Images) -> np.ndarray:
        """Turn images into features.

        Parameters
        ----------
        X : numpy.ndarray, torch.Tensor, list or featlib.images.ImageSet
            N images: uint8 N×3×H×W, values 0–255, or another of the forms above.

        Returns
        -------
        numpy.ndarray
            float32 N×512, in the order of the images.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            Before `fit`.
        featlib.FeatlibError
            If the images or a setting are not as above.
        """
        check_is_fitted(self)
        images = _images(X)
        if isinstance(images, list):
            images = _read(images, self.backbone_.transform.side(1, 1), self.cache)  # set by `fit`
        return features.extract(
            images,
            self.backbone_,
            batch_size=self.batch_size,
            precision=self.precision,
            device=self.device,
            cache=self.cache,
            progress=False,
        ).numpy()


_WHERE = "FeatureExtractor"
_WANTED = "images N×3×H×W, or a list of pictures or of files' paths"


def _images(images: Any) -> torch.Tensor | list[Any]:
    """Return images as one tensor, or as a list of those that are given one by one."""
    if isinstance(images, ImageSet):
        return images.pixels
    if isinstance(images, (str, Path, Image.Image)):
        checks.refuse(_WHERE, _WANTED, describe(images), "Put it into a list: [image].")
    if hasattr(images, "to_numpy"):  # a column of pandas or Polars
        images = images.to_numpy()
    if isinstance(images, np.ndarray) and images.dtype.kind in "OSUT":
        images = images.ravel().tolist()  # a table of one column has two axes
    if isinstance(images, (list, tuple)):
        images = list(images)
        if not images:
            checks.refuse(_WHERE, _WANTED, "an empty list", "Pass one image at least.")
        if isinstance(images[0], (list, tuple)):
            fix = "Make one array of its numbers, np.array(images), or one list of its pictures."
            checks.refuse(_WHERE, _WANTED, describe(images), fix)
        if not _of_one_shape(images):
            return [
                checks.file(x, _WHERE, "a picture") if isinstance(x, (str, Path)) else x
                for x in images
            ]
        stack: Any = torch.stack if isinstance(images[0], torch.Tensor) else np.stack
        images = stack(images)
        images = images[:, None] if images.ndim == 3 else images  # each is gray
    return _tensor(images)


def _of_one_shape(images: list[Any]) -> bool:
    """Whether all are arrays, or all are tensors, of one shape and dtype in one place."""
    kinds = set()
    for x in images:
        if not isinstance(x, (np.ndarray, torch.Tensor)) or getattr(x, "is_nested", False):
            return False
        place = x.device if isinstance(x, torch.Tensor) else None
        kinds.add((place, x.dtype, tuple(x.shape)))
    return len(kinds) == 1


def _tensor(images: Any) -> torch.Tensor:
    """Convert one array of all images, where it is plain what it means."""
    is_array = isinstance(images, (np.ndarray, torch.Tensor))
    is_float = is_array and "float" in dtype_name(images)
    found = convert.to_unit_images(images) if is_float else convert.to_pixels(images)
    if not found.plain:
        fix = found.advice if is_array else "Put files or pictures into a list."
        checks.refuse(_WHERE, _WANTED, found.got or describe(images), fix)
    return found.value


def _common_size(images: list[Any]) -> tuple[int, int]:
    """Return the height and width at which pictures are read that are given one by one."""
    sides = decode.shorter_sides([x for x in images if isinstance(x, Path)])
    for i, x in enumerate(images):
        if isinstance(x, Image.Image):
            sides.append(min(x.size))
        elif not isinstance(x, Path):
            sides.append(min(_one(images, i, decode.PHOTOGRAPH).shape[1:]))
    side = sides[0] if len(set(sides)) == 1 else decode.PHOTOGRAPH + 1
    side = side if side <= decode.PHOTOGRAPH else decode.usual_size(sides)
    return side, side


def _read(images: list[Any], size: int, cache: bool) -> torch.Tensor:
    """Read pictures that are given one by one: uint8 where all come out at one size."""
    if all(isinstance(x, Path) for x in images):
        return _read_files(images, size, cache)
    pixels = [_one(images, i, size) for i in range(len(images))]
    if len({x.shape for x in pixels}) == 1:
        return torch.stack(pixels)
    # As stage 2 does it with a batch of one size, so that each comes out as it would there.
    scaled = (preprocess.scale(x[None]) for x in pixels)
    return torch.cat(
        [
            F.interpolate(x, (size, size), mode="bilinear", antialias=True).clamp_(0, 1)
            for x in scaled
        ]
    )


def _one(images: list[Any], i: int, size: int) -> torch.Tensor:
    return pictures.read(images[i], size, f"{_WHERE}, image {i} of {len(images)}")


def _read_files(files: list[Path], size: int, cache: bool) -> torch.Tensor:
    try:
        found, reasons = decode.decode(files, size, cache=cache)
    except OSError as error:  # more than is held in memory, and no disk has room
        checks.refuse(_WHERE, "room for the pictures", str(error), "Pass fewer at a time.")
    for file, reason in zip(files, reasons, strict=True):
        if reason:
            checks.refuse(_WHERE, f"a picture in '{file}'", reason, "Leave it out, and its label.")
    return torch.from_numpy(found).permute(0, 3, 1, 2)
