"""Full float32, whatever rounding the settings of PyTorch allow.

It may round what goes into convolutions and products of matrices: on an NVIDIA GPU to 10 bits
(TF32), in convolutions by default; on a processor to bfloat16, where the user allowed it. See
https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from featlib.engine import forks


class _Settings:
    """Settings of the whole process, and how many of its threads need them exact.

    The first thread that enters changes them, and the last one that leaves puts them back.
    """

    def __init__(self, *settings: Any) -> None:
        self._settings, self._before = settings, []
        self._inside = 0
        self._lock = forks.lock()
        forks.in_child(self._put_back)  # whoever was inside is not in the child

    @contextmanager
    def exact(self) -> Iterator[None]:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = [setting.fp32_precision for setting in self._settings]
                for setting in self._settings:
                    setting.fp32_precision = "ieee"
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._put_back()

    def _put_back(self) -> None:
        for setting, value in zip(self._settings, self._before, strict=False):
            setting.fp32_precision = "none"  # so that it follows the more general settings
            if setting.fp32_precision != value:
                setting.fp32_precision = value
        self._inside, self._before = 0, []


_CUDNN: Any = torch.backends.cudnn  # its type hints lack these settings
_MKLDNN: Any = torch.backends.mkldnn
_OF_DEVICE = {
    # `cudnn.flags` would do too much: it also turns cuDNN off.
    "cuda": _Settings(_CUDNN.conv, torch.backends.cuda.matmul),
    "cpu": _Settings(_MKLDNN.conv, _MKLDNN.matmul),
    "mps": _Settings(),
}


@contextmanager
def full_float32(device: str) -> Iterator[None]:
    """Compute in full float32 on a device, and leave all settings as they were.

    Parameters
    ----------
    device : {"cpu", "cuda", "mps"}
        Where the network computes. Any number of threads may be inside at once.

    Yields
    ------
    None
    """
    with _OF_DEVICE[device].exact(), torch.autocast(device, enabled=False):
        yield
