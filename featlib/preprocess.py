"""Stage 2: from whole numbers 0–255 to the numbers that the network was trained on.

Two steps, because they answer two questions. `scale` brings every image to 0.0–1.0, whatever
network comes next. `normalize` then does what one particular backbone expects: its weights carry
their own mean and std, so the two cannot disagree.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F

from featlib import checks

__all__ = ["Transform", "normalize", "prepare", "scale"]

_SIZES = (32, 512)  # pixels a side: below, nothing is left to see; above, it only takes longer
_OWN = 64  # smaller images are enlarged to the size of the lesson


@dataclass(frozen=True)
class Transform:
    """What a set of weights expects of its input, beyond the scale 0–1.

    Attributes
    ----------
    mean, std : tuple of float
        Per color channel (red, green, blue), in units of the 0–1 scale.
    size : int, optional
        Height and width in pixels, from 32 to 512; images of another size are resized. Left out,
        the size belongs to the images: see `side`.

    Raises
    ------
    featlib.FeatlibError
        If these are not finite numbers, a std is not above 0, or the size is out of range.

    Examples
    --------
    >>> from featlib.preprocess import Transform
    >>> Transform(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), size=64)
    Transform(0.500±0.250, 0.500±0.250, 0.500±0.250, 64×64)
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: int | None = None

    def __post_init__(self) -> None:
        where = "Transform"
        object.__setattr__(self, "mean", checks.three_numbers(self.mean, where, "mean"))
        object.__setattr__(self, "std", checks.three_numbers(self.std, where, "std", above=True))
        if self.size is not None:
            size = checks.whole_number(self.size, where, "size", *_SIZES)
            object.__setattr__(self, "size", size)

    def side(self, height: int, width: int) -> int:
        """Return the size to which images of a height and width are brought.

        Parameters
        ----------
        height, width : int
            Of the images, in pixels.

        Returns
        -------
        int
            `size` where there is one, else the images' shorter side, but from 64 to 512.

        Raises
        ------
        featlib.FeatlibError
            If one is no whole number, or below 1.

        Examples
        --------
        >>> from featlib.preprocess import Transform
        >>> own = Transform((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
        >>> own.side(224, 224), own.side(28, 28)
        (224, 64)
        """
        height = checks.whole_number(height, "Transform.side", "height")
        width = checks.whole_number(width, "Transform.side", "width")
        if self.size is not None:
            return self.size
        return min(max(min(height, width), _OWN), _SIZES[1])

    def at(self, height: int, width: int) -> "Transform":
        """Return this transform with the size that it has for images of a height and width.

        Parameters
        ----------
        height, width : int
            Of the images, in pixels.

        Returns
        -------
        Transform
            Of the size that `side` returns.

        Raises
        ------
        featlib.FeatlibError
            If one is no whole number, or below 1.

        Examples
        --------
        >>> from featlib.preprocess import Transform
        >>> Transform((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)).at(224, 224).size
        224
        """
        return replace(self, size=self.side(height, width))

    def __repr__(self) -> str:
        numbers = ", ".join(f"{m:.3f}±{s:.3f}" for m, s in zip(self.mean, self.std, strict=True))
        side = f"{self.size}×{self.size}" if self.size else "the images' own size"
        return f"Transform({numbers}, {side})"


def scale(pixels: torch.Tensor) -> torch.Tensor:
    """Scale raw pixels from 0–255 to 0.0–1.0.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 N×3×H×W.

    Returns
    -------
    torch.Tensor
        float32 N×3×H×W, each value divided by 255.

    Raises
    ------
    featlib.FeatlibError
        If the images are not uint8 N×3×H×W.

    Examples
    --------
    >>> import torch
    >>> from featlib import preprocess
    >>> white = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    >>> scaled = preprocess.scale(white)
    >>> scaled.shape, scaled.dtype, scaled.max().item()
    (torch.Size([2, 3, 64, 64]), torch.float32, 1.0)
    """
    checks.pixels(pixels, "preprocess.scale", anywhere=True)
    return pixels.to(torch.float32).div_(255)


def normalize(images: torch.Tensor, transform: Transform) -> torch.Tensor:
    """Subtract the backbone's mean and divide by its std, channel by channel.

    Parameters
    ----------
    images : torch.Tensor
        float32 N×3×H×W, values 0–1.
    transform : Transform
        What the weights expect: ``backbone.transform``.

    Returns
    -------
    torch.Tensor
        float32 N×3×S×S with the S of `Transform.side`; about −2 to 3, in units of the std.

    Raises
    ------
    featlib.FeatlibError
        If the images are not float32 N×3×H×W within 0–1 (already normalized ones are refused), or
        this is no transform.

    Examples
    --------
    >>> import torch
    >>> from featlib import preprocess
    >>> transform = preprocess.Transform((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 64)
    >>> white = torch.ones(2, 3, 64, 64)
    >>> preprocess.normalize(white, transform)[0, 0, 0, 0].item()  # (1 − 0.5) / 0.25
    2.0
    """
    checks.unit_images(images, "preprocess.normalize", anywhere=True)
    _check_transform(transform, "preprocess.normalize")
    return _normalize(images, transform)


def prepare(images: torch.Tensor, transform: Transform) -> torch.Tensor:
    """Bring raw or scaled images to what the backbone expects: `scale`, then `normalize`.

    Parameters
    ----------
    images : torch.Tensor
        uint8 N×3×H×W, or float32 N×3×H×W with values 0–1.
    transform : Transform
        What the weights expect: ``backbone.transform``.

    Returns
    -------
    torch.Tensor
        float32 N×3×S×S with the S of `Transform.side`.

    Raises
    ------
    featlib.FeatlibError
        If the images are neither, or this is no transform.

    Examples
    --------
    >>> import torch
    >>> from featlib import preprocess
    >>> transform = preprocess.Transform((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), 96)
    >>> raw = torch.full((2, 3, 64, 64), 255, dtype=torch.uint8)
    >>> preprocess.prepare(raw, transform).shape  # resized to what the weights expect
    torch.Size([2, 3, 96, 96])
    >>> scaled = preprocess.scale(raw)
    >>> torch.equal(preprocess.prepare(raw, transform), preprocess.prepare(scaled, transform))
    True
    """
    if getattr(images, "dtype", None) != torch.uint8:
        return normalize(images, transform)
    scaled = scale(images)
    _check_transform(transform, "preprocess.prepare")
    return _normalize(scaled, transform)


def _check_transform(transform: Transform, where: str) -> None:
    fix = "Pass backbone.transform, or weights.IMAGENET_TRANSFORM."
    checks.instance(transform, Transform, where, "a Transform", fix)


def _normalize(images: torch.Tensor, transform: Transform) -> torch.Tensor:
    height, width = images.shape[-2:]
    size = transform.side(height, width)
    if (height, width) != (size, size):
        images = F.interpolate(images, (size, size), mode="bilinear", antialias=True)
    mean = images.new_tensor(transform.mean)[:, None, None]
    std = images.new_tensor(transform.std)[:, None, None]
    return (images - mean).div_(std)
