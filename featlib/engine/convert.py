"""From a value in another form to the tensor that is wanted, and the Python that does the same.

Both are made in one place, step by step, so that the advice of a message is what featlib itself
would do. Torch and NumPy are imported once there is something to convert with them.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, NoReturn

from featlib.engine.words import is_array, is_pillow_image, is_tensor, reason

if TYPE_CHECKING:
    import torch

_ROUNDING = 1e-6  # by which floats from 0 to 1 may be outside, after a resize for example
_LIKE_255 = "they look like 0–255"
NOT_NUMBERS = "images.load() and features.extract() return tensors."


class Stuck(Exception):
    """No step leads on from here; the message says why."""


class Conversion:
    """A value on its way to what is wanted.

    Attributes
    ----------
    value : object
        The value after the steps so far.
    code : str
        The Python that takes the given value there.
    whys : list of str
        What was otherwise than wanted, for each step.
    plain : bool
        Whether all steps so far keep what the value means beyond doubt.
    stuck : str
        Why there is no way; empty where there is one.
    got : str
        What was found instead of what was wanted; empty where a description of the value says it.
    """

    def __init__(self, value: Any, name: str) -> None:
        self.value = value
        self.code = name
        self.whys: list[str] = []
        self.plain = True
        self.stuck = ""
        self.got = ""

    def step(
        self, why: str, code: str, change: Callable[[Any], Any], *, plain: bool = True
    ) -> None:
        """Change the value, and note the Python that does it.

        Parameters
        ----------
        why : str
            What is otherwise than wanted; empty where the code says it all.
        code : str
            The Python, with ``{}`` in the place of the value.
        change : callable
            Does the same.
        plain : bool
            Whether the value can have meant nothing else.
        """
        self.value = change(self.value)
        self.code = code.format(self.code)
        self.whys.append(why)
        self.plain = self.plain and plain

    def stop(self, why: str, got: str = "") -> NoReturn:
        """Say that nothing leads on.

        Parameters
        ----------
        why : str
            What somebody can do; a sentence.
        got : str
            What was found instead of what was wanted.

        Raises
        ------
        Stuck
            Always; `through` catches it.
        """
        self.got = got
        raise Stuck(why)

    def through(self, *stages: Callable[["Conversion"], None]) -> "Conversion":
        """Go through stages until all are done, or one is stuck.

        Parameters
        ----------
        *stages : callable
            Each takes the conversion, and makes its steps.

        Returns
        -------
        Conversion
            This one itself.
        """
        try:
            for stage in stages:
                stage(self)
        except Stuck as why:
            self.stuck, self.plain = str(why), False
        return self

    @property
    def advice(self) -> str:
        """str: what to do, in a sentence; empty where the value was right from the start."""
        if self.stuck or not self.whys:
            return self.stuck
        whys = "; ".join(dict.fromkeys(filter(None, self.whys))) or "convert them"
        return f"{whys[0].upper()}{whys[1:]}: {self.code}."


def to_pixels(value: object, anywhere: bool = False) -> Conversion:
    """Convert images to a uint8 tensor N×3×H×W.

    Parameters
    ----------
    value : object
        Anything; of tensors, arrays and pictures of Pillow most can be converted.
    anywhere : bool
        Whether they may stay on a GPU.

    Returns
    -------
    Conversion
        Its `value` is uint8 N×3×H×W, unless it is stuck.
    """
    place = _somewhere if anywhere else _on_cpu
    return Conversion(value, _name(value)).through(_tensor, place, _batch, _uint8)


def to_one_picture(value: object) -> Conversion:
    """Convert one image to a uint8 tensor 1×3×H×W.

    Parameters
    ----------
    value : object
        Anything; 3×H×W, H×W×3 and H×W can be converted.

    Returns
    -------
    Conversion
        Its `value` is uint8 1×3×H×W, unless it is stuck.
    """
    return Conversion(value, "image").through(_tensor, _on_cpu, _single, _uint8)


def to_unit_images(value: object, anywhere: bool = False) -> Conversion:
    """Convert images to a float32 tensor N×3×H×W within 0–1.

    Parameters
    ----------
    value, anywhere
        As for `to_pixels`.

    Returns
    -------
    Conversion
        Its `value` is float32 N×3×H×W, unless it is stuck.
    """
    place = _somewhere if anywhere else _on_cpu
    return Conversion(value, _name(value)).through(_tensor, place, _batch, _unit)


def to_features(value: object, width: int | None) -> Conversion:
    """Convert features to a finite float32 tensor N×D.

    Parameters
    ----------
    value : object
        Anything; most tensors and arrays of numbers can be converted.
    width : int or None
        The D that is wanted; None for any.

    Returns
    -------
    Conversion
        Its `value` is float32 N×D, unless it is stuck.
    """

    def wide(found: Conversion) -> None:
        if width is not None and found.value.shape[1] != width:
            found.stop(
                f"Use the backbone that this head was trained on: its features are {width} wide."
            )

    return Conversion(value, "features").through(_tensor, _on_cpu, _rows, _float32, wide, _finite)


def to_labels(value: object, n: int, n_classes: int) -> Conversion:
    """Convert labels to an int64 tensor of class numbers.

    Parameters
    ----------
    value : object
        Anything; whole numbers of any dtype, one-hot rows, and names can be converted.
    n : int
        How many labels there are to be.
    n_classes : int
        The number of classes; they are counted from 0.

    Returns
    -------
    Conversion
        Its `value` is int64 N, unless it is stuck.
    """

    def within(found: Conversion) -> None:
        if not n:
            return
        low, high = (int(extreme) for extreme in found.value.aminmax())
        if low < 0 or high >= n_classes:
            shift = f" (labels - {low})" if 0 <= high - low < n_classes else ""
            found.stop(
                f"Count classes from 0{shift}, and name every class in `classes`.",
                f"labels from {low} to {high}",
            )

    def one_each(found: Conversion) -> None:
        _one_each(found, n)

    return Conversion(value, "labels").through(_named, _tensor, _on_cpu, one_each, _int64, within)


def of_pillow(picture: Any, size: int) -> "torch.Tensor | str":
    """Read a picture of Pillow as its file would be read.

    Parameters
    ----------
    picture : PIL.Image.Image
        Of any mode and size.
    size : int
        Height and width in pixels; 0 to leave them as they are.

    Returns
    -------
    torch.Tensor or str
        uint8 3×S×S, without a size 3×H×W; or the reason why there is none.
    """
    import torch

    from featlib.engine.decode import square, strictly

    try:
        with strictly():
            pixels = square(picture, size)
    except Exception as error:  # it may still lie in a file, which is damaged or closed
        return reason(error)
    return pixels if isinstance(pixels, str) else torch.tensor(pixels).permute(2, 0, 1)


def _name(value: Any) -> str:
    """Return what to call images in the advice on them."""
    has_shape = is_array(value) or (is_tensor(value) and not value.is_nested)
    one = is_pillow_image(value) or (
        has_shape and _looks_like_one(value.shape) and not _is_flat(value.shape)
    )
    return "image" if one else "images"


def _looks_like_one(shape: Sequence[int]) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and (shape[0] == 3 or shape[2] in (1, 3, 4)))


# A dense tensor


def _tensor(found: Conversion) -> None:
    if is_tensor(found.value):
        _dense(found)
        return
    if is_pillow_image(found.value):
        _from_picture(found)
    if not is_array(found.value):
        found.stop(NOT_NUMBERS)
    _from_numpy(found)


def _dense(found: Conversion) -> None:
    value = found.value
    if value.is_nested:
        found.stop("Pass its parts one by one: tensor.unbind().", "a nested tensor")
    if str(value.layout) != "torch.strided":
        found.step("sparse", "{}.to_dense()", lambda x: x.to_dense())
    if getattr(value, "is_quantized", False):
        found.step("quantized", "{}.dequantize()", lambda x: x.dequantize())


def _somewhere(found: Conversion) -> None:
    if found.value.device.type == "meta":
        found.stop("A tensor on the device 'meta' has no values: make it on the CPU.")


def _on_cpu(found: Conversion) -> None:
    _somewhere(found)
    if found.value.device.type != "cpu":
        found.step("not on the CPU", "{}.cpu()", lambda x: x.cpu())


def _from_picture(found: Conversion) -> None:
    import numpy as np

    if found.value.mode != "RGB":
        found.step("", '{}.convert("RGB")', lambda x: x.convert("RGB"), plain=False)
    found.step("a picture", "np.array({})", np.array)


def _from_numpy(found: Conversion) -> None:
    import numpy as np
    import torch

    array = found.value
    if array.dtype.kind == "O":
        _stack(found)
        array = found.value
    if array.dtype.kind not in "biufc" or array.dtype.itemsize > 16:
        found.stop("Numbers are due: read pictures from files with images.read_picture(path).")
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        found.step("", '{}.astype("int64")', lambda x: x.astype("int64"))
    elif not array.dtype.isnative or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        plain = np.dtype("float64" if array.dtype.kind == "f" else array.dtype.newbyteorder("="))
        found.step("", f'{{}}.astype("{plain.name}")', lambda x: x.astype(plain))
    elif not array.flags.writeable or min(array.strides, default=0) < 0:
        found.step("", "{}.copy()", lambda x: x.copy())
    found.step("a NumPy array", "torch.from_numpy({})", torch.from_numpy)


def _stack(found: Conversion) -> None:
    import numpy as np

    parts = [part for part in found.value.flat if is_array(part)]
    shapes = {part.shape for part in parts}
    if found.value.ndim != 1 or len(parts) < max(1, found.value.size) or len(shapes) != 1:
        found.stop("Numbers are due: bring all images to one height and width, and stack them.")
    found.step("an array of arrays", "np.stack(list({}))", lambda x: np.stack(list(x)))


# Images


def _batch(found: Conversion) -> None:
    """Bring images to N×3×H×W."""
    shape = tuple(found.value.shape)
    if _is_flat(shape):
        side = round((shape[1] / 3) ** 0.5)
        turn = f"{{}}.reshape(-1, 3, {side}, {side})"
        found.step("flat", turn, lambda x: x.reshape(-1, 3, side, side), plain=False)
    elif len(shape) == 2:
        found.step("one gray image", "{}[None, None]", lambda x: x[None, None], plain=False)
    elif _looks_like_one(shape):
        found.step("one image, not a batch", "{}[None]", lambda x: x[None], plain=False)
    elif len(shape) == 3:
        found.step("no axis of channels", "{}[:, None]", lambda x: x[:, None])
    _channels(found)


def _single(found: Conversion) -> None:
    """Bring one image to 1×3×H×W."""
    shape = tuple(found.value.shape)
    if len(shape) == 4 and shape[0] > 1:
        found.stop(f"Pass one of these {shape[0]}, such as images[0], or all in a loop.")
    if len(shape) == 2:
        found.step("gray", "{}[None, None]", lambda x: x[None, None])
    elif len(shape) == 3:
        found.step("", "{}[None]", lambda x: x[None])
    _channels(found)


def _is_flat(shape: Sequence[int]) -> bool:
    """Whether a shape looks like a table of square color images, each in a row."""
    if len(shape) != 2:
        return False
    height, width = shape
    side = round((width / 3) ** 0.5)
    return height != width and side >= 16 and 3 * side * side == width


def _channels(found: Conversion) -> None:
    """Bring four axes of images into the order N×3×H×W."""
    shape = tuple(found.value.shape)
    if len(shape) != 4 or 0 in shape:
        found.stop("Three color channels, second axis, no empty batch.")
    if shape[1] not in (1, 3, 4) and shape[3] in (1, 3, 4):
        turn = "{}.permute(0, 3, 1, 2)"
        found.step("the channels come last", turn, lambda x: x.permute(0, 3, 1, 2))
    channels = found.value.shape[1]
    if channels == 1:
        why = "three color channels are due, and this is gray"
        found.step(why, "{}.expand(-1, 3, -1, -1)", lambda x: x.expand(-1, 3, -1, -1))
    elif channels == 4:
        why = "three color channels are due, and there is a fourth"
        found.step(why, "{}[:, :3]", lambda x: x[:, :3], plain=False)
    elif channels != 3:
        found.stop("Three color channels, second axis: red, green and blue.")


def _uint8(found: Conversion) -> None:
    """Bring pixels to uint8, 0–255."""
    import torch

    dtype = found.value.dtype
    if dtype == torch.uint8:
        return
    if dtype == torch.bool:
        turn = "{}.to(torch.uint8) * 255"
        found.step("true and false", turn, lambda x: x.to(torch.uint8) * 255, plain=False)
        return
    low, high = _extremes(found)
    if low < -_ROUNDING or high > 65535 or (dtype.is_floating_point and high > 255):
        found.stop(_strange(low, high), f"values from {low:.4g} to {high:.4g}")
    if not dtype.is_floating_point and high > 255:
        why, turn = "more than 8 bits", "({}.to(torch.int64) // 256).to(torch.uint8)"
        found.step(why, turn, lambda x: (x.to(torch.int64) // 256).to(torch.uint8), plain=False)
        return
    if dtype.is_floating_point and dtype not in (torch.float32, torch.float64):
        found.step("", "{}.to(torch.float32)", lambda x: x.to(torch.float32))
    if dtype.is_floating_point and high <= 1 + _ROUNDING:
        why, turn = "they look like 0–1", "({} * 255).round().to(torch.uint8)"
        found.step(why, turn, lambda x: (x * 255).round().to(torch.uint8))
    elif dtype.is_floating_point:
        why, turn = _LIKE_255, "{}.round().to(torch.uint8)"
        found.step(why, turn, lambda x: x.round().to(torch.uint8), plain=False)
    else:
        found.step("", "{}.to(torch.uint8)", lambda x: x.to(torch.uint8))


def _unit(found: Conversion) -> None:
    """Bring images to float32 within 0–1."""
    import torch

    if not found.value.dtype.is_floating_point:
        _uint8(found)
    if found.value.dtype == torch.uint8:
        scale = "preprocess.scale({})"
        found.step("scale them first", scale, lambda x: x.to(torch.float32) / 255)
    low, high = _extremes(found)
    _float32(found)
    if low < 0 or high > 255:
        found.stop(_strange(low, high), f"values from {low:.3g} to {high:.3g}")
    if 1 < high <= 2:  # too large for 0–1, too small for 0–255
        found.stop(_strange(low, high), f"values from {low:.3g} to {high:.3g}")
    if high > 1:
        why = "they look like 0–255; divide by 255 once"
        found.step(why, "{} / 255", lambda x: x / 255, plain=False)
        found.got = f"values from {low:.3g} to {high:.3g}"


def _strange(low: float, high: float) -> str:
    if low > -20 and high < 20:
        return "They look normalized already: pass the images before mean and std."
    return "Bring them to 0–255 first, 0 for black and 255 for white."


def _extremes(found: Conversion) -> tuple[float, float]:
    """Return the lowest and the highest value, all being finite."""
    import torch

    value = found.value
    if value.is_complex():
        found.stop("Complex numbers are no pixels: take their .real or their .abs().")
    if not value.is_floating_point():
        value = value.to(torch.int64)
    elif value.dtype not in (torch.float32, torch.float64):
        value = value.float()
    low, high = (extreme.item() for extreme in value.aminmax())
    if not (isfinite(low) and isfinite(high)):
        _finite(found)
    return low, high


# Features and labels


def _rows(found: Conversion) -> None:
    if not found.value.ndim or 0 in found.value.shape:
        found.stop("One row an image, with one feature at least, as features.extract makes them.")
    if found.value.ndim == 1:
        found.step("One row an image", "{}[None]", lambda x: x[None])
    elif found.value.ndim > 2:
        found.step("One row an image", "{}.flatten(1)", lambda x: x.flatten(1))


def _float32(found: Conversion) -> None:
    import torch

    if found.value.is_complex():
        found.stop("Complex numbers are no features: take their .real or their .abs().")
    if found.value.dtype != torch.float32:
        found.step("", "{}.to(torch.float32)", lambda x: x.to(torch.float32))


def _finite(found: Conversion) -> None:
    if not all_finite(found.value):
        bad = int((~found.value.float().isfinite()).flatten(1).any(1).sum())
        found.stop(
            "Find them with tensor.isfinite() and fix or leave out those rows.",
            f"NaN or infinite values in {bad} of {len(found.value)} rows",
        )


def _named(found: Conversion) -> None:
    """Give names of classes numbers, in the order of the alphabet."""
    import numpy as np

    value = found.value
    if is_array(value) and value.dtype.kind in "OSU" and value.ndim == 1:
        if {type(one) for one in value.tolist()} not in ({str}, {bytes}):
            found.stop("Pass numbers from 0, one an image.")
        turn = "np.unique({}, return_inverse=True)[1]"
        found.step("names", turn, lambda x: np.unique(x, return_inverse=True)[1], plain=False)


def _one_each(found: Conversion, n: int) -> None:
    shape = tuple(found.value.shape)
    if shape == (n,):
        return
    if shape == (n, 1):
        found.step("", "{}.flatten()", lambda x: x.flatten())
    elif len(shape) == 2 and shape[0] == n and _is_one_hot(found.value):
        found.step(
            "one-hot, and one label an image is due",
            "{}.int().argmax(1)",
            lambda x: x.int().argmax(1),
        )
    else:
        found.stop("Give one label an image, in the same order.")


def _is_one_hot(value: Any) -> bool:
    ones = value == 1
    return bool((ones | (value == 0)).all() and (ones.sum(1) == 1).all())


def _int64(found: Conversion) -> None:
    import torch

    value = found.value
    if value.dtype == torch.int64:
        return
    if value.is_complex() or (value.dtype.is_floating_point and not _is_whole(value)):
        found.stop("Labels are whole numbers: the number of each image's class, from 0.")
    found.step("", "{}.to(torch.int64)", lambda x: x.to(torch.int64))


def _is_whole(value: Any) -> bool:
    return all_finite(value) and bool((value.double() == value.double().round()).all())


def all_finite(values: Any) -> bool:
    """Say whether a tensor holds finite numbers only.

    Parameters
    ----------
    values : torch.Tensor
        Of any dtype and shape.

    Returns
    -------
    bool
        True for an empty tensor.
    """
    if not values.numel() or not (values.is_floating_point() or values.is_complex()):
        return True
    if values.is_complex():
        return all_finite(values.real) and all_finite(values.imag)
    if values.element_size() == 1:  # float8, with which torch can only be converted
        values = values.float()
    # If one value is NaN, both extremes are. Testing every value takes twenty times as long.
    return all(bool(extreme.isfinite()) for extreme in values.aminmax())
