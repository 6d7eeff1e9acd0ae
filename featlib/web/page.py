"""The script of a web page with widgets, and the place of a widget in it.

A page that is opened from a folder can neither import modules nor fetch files. So all of it is one
classic script, and what a widget needs to know stands in the page itself.
"""

import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import fsrs

from featlib import checks, widgets
from featlib.engine.words import describe
from featlib.pages.rendering import TEMPLATES, json_script
from featlib.web.blocks import NEEDS

__all__ = ["embed", "script"]

_HERE = Path(__file__).parent
_WIDGETS = Path(widgets.__file__).parent
_OWN = ("own_images", "my_picture")
_OF_OWN = ("own_shrink", "own_files", "own_camera", "own_class")  # what these share
_BACK_END = (
    "blocks", "numbers", "marking", "progress", "model", "quiz_model", "guess_model", "fsrs",
    "flashcards_model", "torch_random", "observe", "train", "lab_model", "network",
    "own_picture", "own_pictures", "trace_figure", "own_images_model", "my_picture_model", "start",
)  # fmt: skip
_LAST_CASED = 0x1FFFF  # no letter after it has two cases


def embed(kind: str, data: Mapping[str, Any]) -> str:
    """Return the place of a widget in a web page, as HTML.

    Parameters
    ----------
    kind : {"quiz", "guess", "flashcards", "lab", "own_images", "my_picture"}
        Which widget.
    data : dict
        What `data` returned for it.

    Returns
    -------
    str
        An element with the plain form in it, which stays where no script runs, and with the data.

    Raises
    ------
    featlib.FeatlibError
        If there is no such widget, or the data is not for it.

    Examples
    --------
    >>> from featlib import quiz, web
    >>> web.embed("quiz", web.data(quiz.load("03_feature_extraction")))[:32]
    '<div data-featlib-widget="quiz">'
    """
    checks.one_of(kind, "web.embed", "kind", NEEDS)
    fix = "web.data(quiz.load(name)) returns it."
    checks.instance(data, Mapping, "web.embed", "data as web.data returns it", fix)
    if data.get("kind") != kind or "plain" not in data:
        wanted = f"data for '{kind}', as web.data returns it"
        checks.refuse("web.embed", wanted, describe(data.get("kind", data)), fix)
    rest = {name: value for name, value in data.items() if name not in ("kind", "plain")}
    return (
        f'<div data-featlib-widget="{kind}">{data["plain"]}'
        f'<script type="application/json">{json_script(rest)}</script></div>'
    )


@cache
def script() -> str:
    """Return the script that brings all widgets of a web page to life.

    Returns
    -------
    str
        A classic script in JavaScript, for a file or for a ``<script>`` in the page. It asks the
        network for nothing. In it, ``featlib.exportProgress()`` returns what the learner did, as
        the JSON file of ``featlib progress --export`` has it.
    """
    parts = [
        '"use strict";',
        f"const UNICODE = {json_script(_unicode())};",
        f"const FSRS = {json_script(fsrs.Scheduler().parameters)};",
        f"const STYLE = {json_script(_read(_WIDGETS / 'style.css'))};",
        *(_read(_WIDGETS / name) for name in ("dom.js", "place.js")),
        "const WIDGETS = {};",
        *(_front_end(kind) for kind in NEEDS if kind not in _OWN),
        "(() => {",
        *(_read(_WIDGETS / f"{name}.js") for name in _OF_OWN),
        *map(_front_end, _OWN),
        "})();",
        *(_read(TEMPLATES / f"{name}.js") for name in ("unpack", "picture", "features")),
        *(_read(_HERE / f"{name}.js") for name in _BACK_END),
    ]
    return "(() => {\n" + "\n".join(parts) + "})();\n"


def _front_end(kind: str) -> str:
    """Return a widget's module with its export turned into a registration."""
    module = _read(_WIDGETS / f"{kind}.js").replace("export default", "return")
    return f"WIDGETS.{kind} = (() => {{\n{module}}})();"


def _unicode() -> dict[str, Any]:
    """Return what Python knows of characters, and JavaScript does not.

    That is the value of each digit, and the letters whose ``casefold`` is not their ``lower``.
    """
    letters = map(chr, range(_LAST_CASED + 1))
    folds, digits = {}, ""
    for letter in letters:
        if letter.isdigit():
            digits += letter
        if letter.casefold() != letter.lower():
            folds[letter] = letter.casefold()
    values = "".join(str(unicodedata.digit(digit)) for digit in digits)
    return {"folds": folds, "digits": digits, "values": values}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
