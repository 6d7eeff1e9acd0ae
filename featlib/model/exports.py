"""A kept model as one file for other programs: ONNX, or a program of `torch.export`.

All of it is inside: raw pictures of any size go in, probabilities come out.
"""

import io
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from featlib import backbone, checks
from featlib.engine.words import reason
from featlib.model.classifier import Classifier

__all__ = ["export_onnx", "export_torch"]

_ANY = torch.export.Dim.DYNAMIC
_UNIT = 2**22  # what Pillow counts as a weight of 1
_ELSEWHERE = "Check the free space, or choose another file."
_OPSET = 18  # the first in which Resize has `antialias`


def export_onnx(classifier: Classifier, path: str | os.PathLike[str]) -> Path:
    """Write a classifier as one ONNX file.

    Its input ``pictures`` is uint8 N×H×W×3, of any N, H and W; its output ``probabilities`` is
    float32 N×C. The names of the classes are in its metadata, ``classes``, as a JSON list.

    Parameters
    ----------
    classifier : featlib.model.classifier.Classifier
        From `featlib.load`.
    path : str or pathlib.Path
        The file; what is there is replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    featlib.FeatlibError
        If it is no classifier, the extra ``featlib[export]`` is not installed, or the file cannot
        be written.
    """
    where = "export_onnx"
    file = _check(classifier, path, where)
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        wanted = "the packages onnx and onnxscript"
        checks.refuse(where, wanted, reason(error), "Install them: pip install 'featlib[export]'.")
    with _quietly():
        made = torch.onnx.export(
            _program(classifier),
            (),
            input_names=["pictures"],
            output_names=["probabilities"],
            opset_version=_OPSET,
            verbose=False,
        )
    if made is None:  # which torch says of its older exporter alone
        raise AssertionError
    made.model.metadata_props["classes"] = json.dumps(classifier.classes)
    return checks.write_files({file: made.model_proto.SerializeToString()}, where, _ELSEWHERE)


def export_torch(classifier: Classifier, path: str | os.PathLike[str]) -> Path:
    """Write a classifier as a program of `torch.export`, which needs no featlib to run.

    ``torch.export.load(path).module()`` takes uint8 N×H×W×3, of any N, H and W, and returns
    float32 N×C. The names of the classes are in its extra file ``classes.json``.

    Parameters
    ----------
    classifier : featlib.model.classifier.Classifier
        From `featlib.load`.
    path : str or pathlib.Path
        The file, which usually ends in ``.pt2``; what is there is replaced.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    featlib.FeatlibError
        If it is no classifier, or the file cannot be written.
    """
    where = "export_torch"
    file, content = _check(classifier, path, where), io.BytesIO()
    with _quietly():
        names = {"classes.json": json.dumps(classifier.classes)}
        torch.export.save(_program(classifier), content, extra_files=names)
    return checks.write_files({file: content.getvalue()}, where, _ELSEWHERE)


class _Whole(nn.Module):
    """From raw pictures of any size to probabilities."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.network = backbone.resnet18(classifier.weights).network
        self.head = classifier.head
        self.picture_size = classifier.card.picture_size
        transform = classifier.card.transform
        self.size = transform.side(1, 1)
        self.mean, self.std = (
            nn.Buffer(torch.tensor(values)[:, None, None])
            for values in (transform.mean, transform.std)
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        x = pictures.permute(0, 3, 1, 2).double()
        height, width = pictures.shape[1], pictures.shape[2]
        side = torch.sym_min(height, width)
        across, down = (_scaling(n, side, self.picture_size) for n in (width, height))
        # Pillow begins with the width, but of tall pictures with the height, which is less work.
        # It rounds in between, so that the order shows.
        high = torch.full((1,), height)
        tall = (high > self.picture_size) & (high + self.picture_size > 2 * side)
        x = torch.where(
            tall, _whole(_whole(down @ x) @ across.T), _whole(down @ _whole(x @ across.T))
        )
        x = x.float() / 255
        if self.size != self.picture_size:
            x = F.interpolate(x, (self.size, self.size), mode="bilinear", antialias=True)
        return self.head(self.network((x - self.mean) / self.std)).softmax(1)


def _scaling(length: Any, side: Any, size: int) -> torch.Tensor:
    """Return the matrix, float64 S×L, that crops the middle of a line of pixels and scales it.

    Each new pixel is a mean of the old ones around its place, with weights that fall in straight
    lines: Pillow's ``BILINEAR``, in Pillow's own units, so that what is rounded later is the same.
    The middle may begin half-way in a pixel.
    """
    new, old = (torch.arange(n, dtype=torch.float64) + 0.5 for n in (size, length))
    # As tensors, since ONNX would divide plain numbers in half the precision.
    middle, rest = (torch.full((1,), n, dtype=torch.float64) for n in (side, length - side))
    factor = middle / size
    distances = old - (rest / 2 + new * factor)[:, None]
    reach = factor.clamp_min(1)
    weights = (1 - distances.abs() / reach).clamp_min(0)
    return (weights / weights.sum(1, keepdim=True) * _UNIT + 0.5).floor()


def _whole(x: torch.Tensor) -> torch.Tensor:
    return ((x + _UNIT / 2) / _UNIT).floor().clamp(0, 255)


def _program(classifier: Classifier) -> torch.export.ExportedProgram:
    example = torch.zeros(2, 90, 120, 3, dtype=torch.uint8)
    sizes: Any = ({0: _ANY, 1: _ANY, 2: _ANY},)
    return torch.export.export(_Whole(classifier).eval(), (example,), dynamic_shapes=sizes)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what PyTorch says of its own parts to itself."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        yield


def _check(classifier: object, path: str | os.PathLike[str], where: str) -> Path:
    wanted, fix = "a classifier", "Load one: featlib.load('my_model')."
    checks.instance(classifier, Classifier, where, wanted, fix)
    return checks.output_file(path, where, "the model")
