"""The bundled network in 8 bits, run by OpenVINO or ONNX Runtime, whichever is there and faster.

Both compute with whole numbers what `tools/quantize_backbone.py` has prepared. They round
differently in a few places, so their features are alike, not equal.
"""

import hashlib
import importlib
import platform
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from featlib.engine.assets import read_published

FILE = Path(__file__).parents[1] / "assets" / "resnet18-int8.onnx"

_Forward = Callable[[np.ndarray], np.ndarray]


def library() -> str:
    """Return the name of the installed package that computes in 8 bits fastest here.

    Returns
    -------
    str
        ``"openvino"`` or ``"onnxruntime"``; empty if neither is there. On Intel's and AMD's
        processors OpenVINO comes first, elsewhere ONNX Runtime.
    """
    known = ["openvino", "onnxruntime"]
    if platform.machine().lower() not in ("x86_64", "amd64"):
        known.reverse()
    return next((name for name in known if find_spec(name)), "")


def made_from() -> str:
    """Return what `backbone.fingerprint` says of the tensors that the file was made from.

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Raises
    ------
    ValueError
        If the card of the file was altered.
    OSError
        If it cannot be read.
    """
    return read_published(FILE.with_suffix(".json"))["backbone_sha256"]


def network(name: str, size: int, threads: int) -> _Forward:
    """Load the network for pictures of a size.

    Parameters
    ----------
    name : {"openvino", "onnxruntime"}
        From `library`.
    size : int
        Height and width of the pictures in pixels.
    threads : int
        How many threads will call it at the same time, each with a batch of its own.

    Returns
    -------
    callable
        From prepared pictures, float32 N×3×S×S, to features, float32 N×512.

    Raises
    ------
    ValueError
        If the file was altered.
    OSError
        If it cannot be read.
    ImportError
        If the package cannot be loaded.
    """
    content = FILE.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != read_published(FILE.with_suffix(".json"))["sha256"]:
        raise ValueError(f"{FILE.name} is altered or cut off")
    package = importlib.import_module(name)
    make = {"openvino": _openvino, "onnxruntime": _onnxruntime}[name]
    return make(package, content, size, threads)


def _openvino(openvino: Any, content: bytes, size: int, threads: int) -> _Forward:
    core = openvino.Core()
    model = core.read_model(content)
    model.reshape([-1, 3, size, size])
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
        # What is not in 8 bits would be in bfloat16 where the processor has it, and not elsewhere.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(model, "CPU", settings)
    own = threading.local()  # a request computes one batch at a time

    def forward(images: np.ndarray) -> np.ndarray:
        if not hasattr(own, "request"):
            own.request = compiled.create_infer_request()
        found = own.request.infer([images], share_inputs=True)
        return found[0].copy()

    return forward


def _onnxruntime(onnxruntime: Any, content: bytes, size: int, threads: int) -> _Forward:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1  # each batch is computed by the thread that calls
    settings.log_severity_level = 3
    providers = ["CPUExecutionProvider"]
    session = onnxruntime.InferenceSession(content, settings, providers=providers)
    return lambda images: session.run(None, {"images": images})[0]
