"""Try the layers of `onednn` on random numbers before the first network is made of them."""

import logging
import threading
from collections.abc import Callable, Sequence
from itertools import product

import torch
from torch.nn.functional import conv2d

from featlib.engine import onednn
from featlib.engine.words import reason

log = logging.getLogger("featlib")

# Each kind of layer in the network, but small: channels in and out, kernel, stride, side of the
# map, and with which (adding, relu) the network calls it.
LAYERS = (
    (3, 16, 7, 2, 8, [(False, True)]),
    (16, 16, 3, 2, 4, [(False, True)]),
    (16, 16, 1, 2, 4, [(False, False)]),
    (16, 16, 3, 1, 2, [(False, True), (True, True)]),
)
# How far a result may be off, relative to 1 or to itself, whichever is more. Between 1 and 2,
# numbers in bfloat16 are 1/128 apart, and a result is rounded twice or three times.
TOLERANCES = {torch.float32: 1e-4, torch.bfloat16: 5e-2}

_lock = threading.Lock()
_found: dict[torch.dtype, bool] = {}  # in this process


def works(dtype: torch.dtype) -> bool:
    """Say whether the layers of `onednn` compute here what public functions compute.

    The first call for a dtype tries them, which takes some milliseconds; if they fail, it logs a
    warning that says why. Later calls, from any thread, return what the first one found.

    Parameters
    ----------
    dtype : torch.dtype
        float32 or bfloat16.

    Returns
    -------
    bool
        If False, the same has to be computed with public functions.
    """
    with _lock:
        if dtype not in _found:
            fault = _fault(dtype)
            _found[dtype] = not fault
            if fault:
                log.warning(
                    "features: the fast layers of PyTorch %s are not used in %s (%s); "
                    "the results are the same, it only takes longer",
                    torch.__version__,
                    str(dtype).removeprefix("torch."),
                    fault,
                )
        return _found[dtype]


def _fault(dtype: torch.dtype) -> str:
    """Return why the layers cannot be used; empty if they can."""
    # A generator of its own, so that the user's random numbers stay as they are.
    generator = torch.Generator("cpu").manual_seed(0)

    def numbers(*shape: int) -> torch.Tensor:
        # Neither the user's default device nor the default dtype matters here.
        made = torch.randn(shape, generator=generator, device="cpu", dtype=torch.float32).to(dtype)
        return made.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else made

    try:
        # If the user's code has autocast on, it would round what the layers are compared with.
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            for layer in LAYERS:
                if _differs(numbers, *layer):
                    return "they compute other numbers than conv2d"
    except Exception as error:  # another version of PyTorch may raise anything
        return reason(error)
    return ""


def _differs(
    numbers: Callable[..., torch.Tensor],
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int,
    side: int,
    calls: Sequence[tuple[bool, bool]],
) -> bool:
    """Compare one layer with `conv2d` in float32."""
    weight = numbers(outputs, inputs, kernel, kernel) / (kernel * inputs**0.5)
    bias, x = numbers(outputs), numbers(2, inputs, side, side)
    convolved = conv2d(x.float(), weight.float(), bias.float(), stride, kernel // 2)
    kinds = [onednn.Convolution(weight, bias, stride)]
    kinds += [onednn.WholeMap(weight, bias)] if side == 2 else []
    tolerance = TOLERANCES[x.dtype]
    for layer, (adding, relu) in product(kinds, calls):
        add = numbers(*convolved.shape) if adding else None
        exact = convolved if add is None else convolved + add.float()
        exact = exact.relu() if relu else exact
        mine = layer(x, add, relu)
        if (mine.shape, mine.dtype) != (exact.shape, x.dtype):
            return True
        if not torch.allclose(mine.float(), exact, rtol=tolerance, atol=tolerance):
            return True
    return False
