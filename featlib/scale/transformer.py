"""Stage 3 for scikit-learn: the frozen backbone as a transformer in a pipeline."""

from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from featlib import checks, features
from featlib.backbone import resnet18

__all__ = ["FeatureExtractor"]


class FeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """`features.extract` as a transformer, for pipelines, cross-validation and grid search.

    Parameters
    ----------
    weights : str or pathlib.Path
        As for `backbone.resnet18`.
    size : int, optional
        Height and width, from 32 to 512 pixels, to which every image is brought; left out, the size
        of the images in `fit`.
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
    """

    def __init__(
        self,
        weights: str | Path = "bundled",
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

    def fit(self, X: np.ndarray | torch.Tensor, y: object = None) -> "FeatureExtractor":
        """Load the backbone; nothing is learned from the images.

        Parameters
        ----------
        X : numpy.ndarray or torch.Tensor
            uint8 N×3×H×W, values 0–255.
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
        images = _from_array(X)
        checks.pixels(images, "FeatureExtractor.fit")
        backbone = resnet18(self.weights, size=self.size)
        # Later images, too: a classifier knows features of no other size.
        backbone.transform = backbone.transform.at(*images.shape[-2:])
        self.backbone_ = backbone
        self._n_features_out = self.backbone_.width
        return self

    def transform(self, X: np.ndarray | torch.Tensor) -> np.ndarray:
        """Turn images into features.

        Parameters
        ----------
        X : numpy.ndarray or torch.Tensor
            uint8 N×3×H×W, values 0–255.

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
        return features.extract(
            _from_array(X),
            self.backbone_,
            batch_size=self.batch_size,
            precision=self.precision,
            device=self.device,
            cache=self.cache,
            progress=False,
        ).numpy()


def _from_array(images: Any) -> Any:
    """Make a tensor of an array with any memory layout; leave anything else to the checks."""
    if isinstance(images, torch.Tensor) or scipy.sparse.issparse(images):
        return images
    array = np.ascontiguousarray(images)
    if array.dtype.kind not in "uif":
        return array
    return torch.from_numpy(array if array.flags.writeable else array.copy())
