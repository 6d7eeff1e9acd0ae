"""What runs the network in a browser: ONNX Runtime Web, and the network in 8 bits."""

import hashlib
import re
from pathlib import Path

from featlib import checks
from featlib.engine.words import reason
from featlib.model.network import resnet18_onnx
from featlib.weights import Weights

__all__ = ["VERSION", "library", "network", "program"]

VERSION = "1.30.0"
_FOLDER = Path(__file__).parents[1] / "assets" / "ort"
_LIBRARY, _PROGRAM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"
_SHA256 = {
    _LIBRARY: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    _PROGRAM: "bf933930bc90cf4f613f36cdc41616b54cfd2e9930478b574aed6ed4ef9ff8ca",
}
# Firefox calls the origin of a page from a folder "null", and the library fails on that.
_LOCATION = (
    'const location=globalThis.location.origin==="null"?{origin:"file://"}:globalThis.location;\n'
)
_NAMES_IT_EXPORTS = re.compile(r"export\{([\w$ ,]+)\};\s*(//# sourceMappingURL=\S+\s*)?$")


def library(where: str) -> str:
    """Return the library as text for a script of type ``module``, in which it sets ``ort``.

    What a module exports, nobody sees who does not import it.

    Parameters
    ----------
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    str
        JavaScript.

    Raises
    ------
    featlib.FeatlibError
        If the file is missing or altered.
    """
    script = _bundled(_LIBRARY, where).decode()
    names = _NAMES_IT_EXPORTS.search(script)
    if names is None:  # of another version
        raise AssertionError
    pairs = [pair.split(" as ") for pair in names[1].split(",")]
    found = ",".join(f"{public}:{own}" for own, public in pairs)
    return f"{_LOCATION}{script[: names.start()]}const ort={{{found}}};\n"


def program(where: str) -> bytes:
    """Return the program in WebAssembly that computes, compressed by gzip.

    Parameters
    ----------
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    bytes
        What the library takes once it is unpacked.

    Raises
    ------
    featlib.FeatlibError
        If the file is missing or altered.
    """
    return _bundled(_PROGRAM, where)


def network(weights: Weights, where: str) -> bytes:
    """Return a network with its weights in 8 bits; it computes in float32.

    Parameters
    ----------
    weights : featlib.weights.Weights
        Of a ResNet18.
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    bytes
        A file in the format ONNX: the same for the same weights.

    Raises
    ------
    featlib.FeatlibError
        If the package onnx is not installed.
    """
    try:
        graph = resnet18_onnx(weights.state(), eight_bits=True)
    except ImportError as error:
        fix = "Install it: pip install 'featlib[html]'."
        checks.refuse(where, "the package onnx", reason(error), fix)
    return graph.SerializeToString(deterministic=True)


def _bundled(name: str, where: str) -> bytes:
    wanted, fix = f"'{name}' as it comes with featlib", "Reinstall featlib."
    try:
        content = (_FOLDER / name).read_bytes()
    except OSError as error:
        checks.refuse(where, wanted, reason(error), fix)
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        checks.refuse(where, wanted, "one that is altered or cut off", fix)
    return content
