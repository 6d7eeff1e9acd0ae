"""Quantize the bundled network, weights and maps, to whole numbers of 8 bits.

    python tools/quantize_backbone.py photographs --out featlib/assets

Static quantization of ONNX Runtime (https://onnxruntime.ai/docs/performance/quantization.html). The
range of each map is what photographs make of it; the weights have a scale for each output channel.
Weights get 7 of the 8 bits: processors without instructions for 8 bits (VNNI) add products in
pairs, in 16 bits, and two products of 8-bit numbers do not fit.

The photographs only set these ranges: none of them is in the file. For the bundled file they were
64 of https://github.com/EliSchwartz/imagenet-sample-images, each of another of ImageNet's classes.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)
from torch.nn.functional import cosine_similarity

from featlib import backbone, checks, features, preprocess, weights
from featlib.engine.decode import decode
from featlib.engine.walk import walk
from featlib.engine.words import reason
from featlib.model.network import resnet18_onnx

WHERE = "quantize_backbone"
NAME = "resnet18-int8"
SIZES = {64: 64, 224: 32}  # pixels a side: how many photographs the ranges are measured on
MEASURED = 64  # other photographs, on which the result is compared with float32
BATCH = 8
WORST = 0.99  # mean cosine between features in 8 bits and in float32 that is allowed


class Batches(CalibrationDataReader):
    """Hand over batches in the way that ONNX Runtime asks for them."""

    def __init__(self, batches: Iterator[torch.Tensor]) -> None:
        self._batches = batches

    def get_next(self) -> dict[str, np.ndarray] | None:
        """Return the next batch.

        Returns
        -------
        dict of str to numpy.ndarray, or None
            float32 N×3×S×S under the name of the input; None after the last.
        """
        batch = next(self._batches, None)
        return None if batch is None else {"images": batch.numpy()}


def run(photographs: Path, out: Path) -> Path:
    """Quantize, measure, and write the file and its card.

    Parameters
    ----------
    photographs : pathlib.Path
        A folder of pictures, searched with its subfolders.
    out : pathlib.Path
        Where ``resnet18-int8.onnx`` and ``resnet18-int8.json`` go.

    Returns
    -------
    pathlib.Path
        The ONNX file.

    Raises
    ------
    featlib.FeatlibError
        If there are too few pictures, or the features in 8 bits are not those of float32.
    """
    loaded = weights.read_weights()
    files = _mixed(photographs)
    used, others = files[: max(SIZES.values())], files[max(SIZES.values()) :][:MEASURED]
    content = quantize(loaded, used)
    measured = {str(size): round(compare(content, loaded, others, size), 5) for size in SIZES}
    if min(measured.values()) < WORST:
        fix = "Calibrate on photographs like those that the network was trained on."
        checks.refuse(WHERE, f"a mean cosine of {WORST} at least", str(measured), fix)
    card = {
        "file": f"{NAME}.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "backbone_sha256": backbone.fingerprint(loaded.state()),
        "input": "float32 N x 3 x S x S, prepared as for resnet18-imagenet.safetensors",
        "format": "ONNX, QuantizeLinear and DequantizeLinear; maps uint8, weights int8 (7 bits) "
        "with a scale for each output channel",
        "made_by": f"tools/quantize_backbone.py, onnxruntime {onnxruntime.__version__}",
        "calibrated_on": f"photographs, none of which is contained: {_counts()}",
        "mean_cosine_to_float32": measured,
        "license": "as resnet18-imagenet.safetensors, see WEIGHTS-LICENSE.md",
    }
    path = out / card["file"]
    text = json.dumps(card, indent=1).encode() + b"\n"
    return checks.write_files({path.with_suffix(".json"): text, path: content}, WHERE, "")


def quantize(loaded: weights.Weights, files: Sequence[Path]) -> bytes:
    """Quantize a network.

    Parameters
    ----------
    loaded : featlib.weights.Weights
        Its weights.
    files : sequence of pathlib.Path
        Pictures that the ranges are measured on; the first of them at each size.

    Returns
    -------
    bytes
        An ONNX file with the input and output of `resnet18_onnx`.
    """
    batches = (batch for size, n in SIZES.items() for batch in _prepared(loaded, files[:n], size))
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "float32.onnx"), Path(folder, "int8.onnx")
        onnx.save(resnet18_onnx(loaded.state()), before)
        quantize_static(
            before,
            after,
            Batches(batches),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return after.read_bytes()


def compare(content: bytes, loaded: weights.Weights, files: Sequence[Path], size: int) -> float:
    """Compare features in 8 bits with those of float32.

    Parameters
    ----------
    content : bytes
        An ONNX file.
    loaded : featlib.weights.Weights
        What it was made from.
    files : sequence of pathlib.Path
        Pictures.
    size : int
        Height and width in pixels at which they are read.

    Returns
    -------
    float
        The mean cosine between the two.
    """
    session = onnxruntime.InferenceSession(content)
    exact = features.extract(_read(files, size), loaded, cache=False, progress=False)
    found = [
        torch.from_numpy(session.run(None, {"images": batch.numpy()})[0])
        for batch in _prepared(loaded, files, size)
    ]
    return cosine_similarity(torch.cat(found), exact).mean().item()


def _mixed(folder: Path) -> list[Path]:
    """Return the pictures of a folder in an order that has nothing to do with their names."""
    found = list(walk(checks.folder(folder, WHERE, "photographs")))
    files = sorted(found, key=lambda file: hashlib.sha256(file.name.encode()).digest())
    files = [file for file in files if file.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]
    if len(files) < max(SIZES.values()) + MEASURED:
        wanted = f"{max(SIZES.values()) + MEASURED} photographs at least"
        checks.refuse(WHERE, wanted, str(len(files)), "Pass a folder with more of them.")
    return files


def _read(files: Sequence[Path], size: int) -> torch.Tensor:
    pixels, reasons = decode(list(files), size, cache=False)
    for file, why in zip(files, reasons, strict=True):
        if why:
            checks.refuse(WHERE, f"a picture in '{file}'", why, "Remove the file.")
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _prepared(loaded: weights.Weights, files: Sequence[Path], size: int) -> Iterator[torch.Tensor]:
    transform = loaded.at(size).transform
    return (preprocess.prepare(batch, transform) for batch in _read(files, size).split(BATCH))


def _counts() -> str:
    return ", ".join(f"{n} at {size} px" for size, n in SIZES.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the command line if left out.

    Returns
    -------
    int
        0: done. 1: a fault in the data.
    """
    parser = argparse.ArgumentParser(
        prog="quantize_backbone",
        description="Quantize the bundled network to 8 bits. Needs onnx and onnxruntime.",
        epilog="example: python tools/quantize_backbone.py photographs --out featlib/assets",
    )
    parser.add_argument("photographs", type=Path, metavar="DIR", help="pictures to calibrate on")
    parser.add_argument(
        "--out", type=Path, default=Path("weights"), metavar="DIR", help="(default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        print(run(options.photographs, options.out))
    except (checks.FeatlibError, OSError) as error:
        print(f"{parser.prog}: {reason(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
