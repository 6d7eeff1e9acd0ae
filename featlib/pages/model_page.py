"""A kept model as one HTML file: it classifies pictures and the camera in any browser, offline.

The backbone, with its weights in 8 bits, the head, and ONNX Runtime Web, which computes, are all
inside. The page may load nothing and send nothing: its own policy (CSP) forbids it.
"""

import base64
import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from markupsafe import Markup

from featlib import checks, features, images
from featlib.engine.thumbnails import photograph
from featlib.engine.words import printable
from featlib.model.classifier import Classifier
from featlib.model.readme import WEIGHTS
from featlib.pages import onnx_runtime
from featlib.pages.rendering import TEMPLATES, json_script, render, write_page

__all__ = ["export_html"]

_WHERE = "export_html"
_SCRIPTS = ("unpack.js", "picture.js", "features.js", "model_page.js")
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
        "runtime": _base64(onnx_runtime.program(_WHERE)),
        "network": _packed(onnx_runtime.network(classifier.weights, _WHERE)),
        "head": _packed(head.detach().numpy().astype("<f4").tobytes()),
    }
    if thumbnails is not None:
        facts["alike"], rows = _alike(classifier, thumbnails)
        blocks["alike"] = _packed(rows.tobytes())
    blocks["facts"] = json_script(facts)
    script = onnx_runtime.library(_WHERE) + "".join(map(_template, _SCRIPTS))
    style = _template("model_page.css")
    weights, license = WEIGHTS[card.backbone]
    page = render(
        "model_page.html.j2",
        card=card,
        classes=[*zip(facts["classes"], card.training_pictures, strict=True)],
        weights=weights,
        license=license,
        runtime=onnx_runtime.VERSION,
        blocks={name: Markup(content) for name, content in blocks.items()},
        script=Markup(script),
        script_hash=_hash(script),
        style=Markup(style),
        style_hash=_hash(style),
    )
    return write_page(page, file, _WHERE, "Check the free space, or choose another file.")


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


def _template(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _packed(content: bytes) -> str:
    return _base64(gzip.compress(content, 9, mtime=0))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _hash(text: str) -> str:
    """Return by what a page's policy knows a script or a style of its own."""
    return f"sha256-{_base64(hashlib.sha256(text.encode()).digest())}"
