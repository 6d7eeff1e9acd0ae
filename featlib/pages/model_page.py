"""A kept model as one HTML file: it classifies pictures and the camera in any browser, offline.

The backbone, with its weights in 8 bits, the head, and ONNX Runtime Web, which computes, are all
inside. The page may load nothing and send nothing: its own policy (CSP) forbids it.
"""

import base64
import gzip
import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from featlib import checks, features, images
from featlib.engine.thumbnails import photograph
from featlib.engine.words import printable, reason
from featlib.model.classifier import Classifier
from featlib.model.network import resnet18_onnx
from featlib.model.readme import WEIGHTS
from featlib.pages.rendering import TEMPLATES, render, write_page

__all__ = ["export_html"]

_WHERE = "export_html"
_RUNTIME = Path(__file__).parents[1] / "assets" / "ort"
_RUNTIME_VERSION = "1.30.0"
_LIBRARY, _PROGRAM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm.gz"
_SHA256 = {
    _LIBRARY: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    _PROGRAM: "bf933930bc90cf4f613f36cdc41616b54cfd2e9930478b574aed6ed4ef9ff8ca",
}
_NAMES_IT_EXPORTS = re.compile(r"export\{([\w$ ,]+)\};\s*(//# sourceMappingURL=\S+\s*)?$")
_A_CLASS = 40  # pictures to compare with, at most


def export_html(
    classifier: Classifier,
    path: str | os.PathLike[str],
    thumbnails: str | os.PathLike[str] | None = None,
) -> Path:
    """Write a classifier as one HTML page that needs no network.

    Parameters
    ----------
    classifier : featlib.model.classifier.Classifier
        From `featlib.load`.
    path : str or pathlib.Path
        The file; what is there is replaced.
    thumbnails : str or pathlib.Path, optional
        A folder as for `images.from_folder`, of pictures that everyone may see who gets the page:
        small copies of up to 40 a class are inside, and the three that are most alike stand beside
        each answer. Left out, no picture is in the page.

    Returns
    -------
    pathlib.Path
        The file. Of the same model it has the same bytes.

    Raises
    ------
    featlib.FeatlibError
        If it is no classifier, the extra ``featlib[html]`` is not installed, a bundled file was
        altered, the folder holds no pictures, or the file cannot be written.
    """
    fix = "Load one: featlib.load('my_model')."
    checks.instance(classifier, Classifier, _WHERE, "a classifier", fix)
    file = checks.output_file(path, _WHERE, "the page")
    card, transform = classifier.card, classifier.card.transform
    facts: dict[str, Any] = {
        "classes": [printable(name) for name in card.classes],
        "pictureSize": card.picture_size,
        "size": transform.side(card.picture_size, card.picture_size),
        "mean": transform.mean,
        "std": transform.std,
    }
    head = torch.cat([classifier.head.weight.flatten(), classifier.head.bias])
    blocks = {
        "runtime": _base64(_bundled(_PROGRAM)),
        "network": _packed(_network(classifier)),
        "head": _packed(head.detach().numpy().astype("<f4").tobytes()),
    }
    if thumbnails is not None:
        facts["alike"], rows = _alike(classifier, thumbnails)
        blocks["alike"] = _packed(rows.tobytes())
    blocks["facts"] = json.dumps(facts).replace("<", r"\u003c")
    script = _library() + (TEMPLATES / "model_page.js").read_text(encoding="utf-8")
    style = (TEMPLATES / "model_page.css").read_text(encoding="utf-8")
    weights, license = WEIGHTS[card.backbone]
    page = render(
        "model_page.html.j2",
        card=card,
        classes=[*zip(facts["classes"], card.training_pictures, strict=True)],
        weights=weights,
        license=license,
        runtime=_RUNTIME_VERSION,
        blocks={name: Markup(content) for name, content in blocks.items()},
        script=Markup(script),
        script_hash=_hash(script),
        style=Markup(style),
        style_hash=_hash(style),
    )
    return write_page(page, file, _WHERE, "Check the free space, or choose another file.")


def _network(classifier: Classifier) -> bytes:
    try:
        network = resnet18_onnx(classifier.weights.state(), eight_bits=True)
    except ImportError as error:
        fix = "Install it: pip install 'featlib[html]'."
        checks.refuse(_WHERE, "the package onnx", reason(error), fix)
    return network.SerializeToString(deterministic=True)


def _alike(
    classifier: Classifier, folder: str | os.PathLike[str]
) -> tuple[list[dict[str, str]], np.ndarray]:
    """Return names and small copies of pictures, and their features in 8 bits, int8 N×512."""
    pictures = images.from_folder(Path(folder), size=classifier.card.picture_size)
    rows = [
        row
        for label in range(len(pictures.classes))
        for row in (pictures.labels == label).nonzero()[:_A_CLASS, 0].tolist()
    ]
    known = features.extract(
        pictures.pixels[rows], classifier.weights, device="cpu", progress=False
    )
    scale = 127 / known.abs().amax(1, keepdim=True).clamp_min(1e-12)
    shown = [
        {
            "name": printable(pictures.classes[pictures.labels[row]]),
            "src": photograph(pictures.pixels[row]),
        }
        for row in rows
    ]
    return shown, (known * scale).round().to(torch.int8).numpy()


def _library() -> str:
    """Return ONNX Runtime Web as a script that sets ``ort``: what a module exports, nobody sees."""
    script = _bundled(_LIBRARY).decode()
    names = _NAMES_IT_EXPORTS.search(script)
    if names is None:  # of another version
        raise AssertionError
    pairs = [pair.split(" as ") for pair in names[1].split(",")]
    found = ",".join(f"{public}:{own}" for own, public in pairs)
    return f"{script[: names.start()]}const ort={{{found}}};\n"


def _bundled(name: str) -> bytes:
    wanted, fix = f"'{name}' as it comes with featlib", "Reinstall featlib."
    try:
        content = (_RUNTIME / name).read_bytes()
    except OSError as error:
        checks.refuse(_WHERE, wanted, reason(error), fix)
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        checks.refuse(_WHERE, wanted, "one that is altered or cut off", fix)
    return content


def _packed(content: bytes) -> str:
    return _base64(gzip.compress(content, 9, mtime=0))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _hash(text: str) -> str:
    """Return by what a page's policy knows a script or a style of its own."""
    return f"sha256-{_base64(hashlib.sha256(text.encode()).digest())}"
