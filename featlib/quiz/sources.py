"""Where JupyterQuiz takes questions from besides files: an address, or the text of an HTML element.

JupyterQuiz hides questions in an element of a notebook's page, as JSON or in base64
(https://github.com/jmshea/jupyterquiz, "HideQuiz.ipynb"), and reads them there by JavaScript. A
kernel cannot see the page: it takes the text itself.
"""

import base64
import binascii
import re
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import PurePosixPath
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import urlopen

from featlib import checks
from featlib.engine.strict_json import parse_json
from featlib.engine.words import reason

__all__ = ["embedded", "fetch", "is_address", "name_of", "parse"]

_SECONDS = 15.0  # to get a file, all in all
_PIECE = 1 << 16  # bytes that are read at once
_SAFE = "%/:=&?~+!$,;'@()*[]"  # what an address may hold already
_SHORTEST = 54  # characters of a question in base64
_BEGINNINGS = ("W3s", "Wwog", "WyB7", "eyJ", "ewog")  # `[{`, `[` and `{` of JSON in base64
# An element that hides questions, maybe amid the text of its cell; and base64 as Python prints it.
_OPENING = re.compile(r"<(\w+)(?:\s[^<>]*)?>(?=[^<])")
_CLOSING = re.compile(r"</(\w+)\s*>")
_DEEPEST = 50  # elements in each other
# Not in a text. One that does not end goes on to the end, so that each character is read once.
_LAST_COMMA = re.compile(r'("[^"\\]*(?:\\.?[^"\\]*)*"?)|,(?=\s*[\]}])', re.S)
_QUOTED = re.compile(r"^b?(['\"])(.*)\1$", re.S)
_LONG_NAME = 200  # characters: what is longer, and base64, is no name of a file


def parse(content: str | bytes) -> Any:
    """Parse JSON, in which a comma may stand after the last entry.

    JupyterQuiz reads a file as JavaScript, which allows that; such files are about.

    Parameters
    ----------
    content : str or bytes
        As for `parse_json`.

    Returns
    -------
    object

    Raises
    ------
    ValueError
        With the reason, if it is no JSON.

    Examples
    --------
    >>> parse('[1, ",]", ]')
    [1, ',]']
    """
    text = content if isinstance(content, str) else content.decode()
    text = text.removeprefix("\ufeff")
    try:
        return parse_json(text)
    except ValueError as error:
        shorter = _LAST_COMMA.sub(r"\1", text)
        if shorter == text:
            raise
        try:
            return parse_json(shorter)
        except ValueError:
            raise error from None  # with the place in what was given


def is_address(source: str) -> bool:
    """Return whether a text is the address of a page.

    Parameters
    ----------
    source : str
        Any text.

    Returns
    -------
    bool
    """
    return source.lower().startswith(("http://", "https://"))


def name_of(address: str) -> str:
    """Return the name of the file that an address leads to.

    Parameters
    ----------
    address : str
        Such as ``"https://example.org/week1/questions.json"``.

    Returns
    -------
    str
        Its name without the ending, such as ``"questions"``.
    """
    try:
        return PurePosixPath(unquote(urlsplit(address).path)).stem or "questions"
    except ValueError:  # "http://[": fetching it says what is wrong
        return "questions"


def fetch(address: str, most: int) -> Any:
    """Read JSON from an address.

    Parameters
    ----------
    address : str
        The address, by http or https.
    most : int
        How many bytes it may have.

    Returns
    -------
    object

    Raises
    ------
    featlib.FeatlibError
        If there is no connection, nothing is there, it takes too long, it is too large, or it is no
        JSON.
    """
    where = f"quiz '{address}'"
    try:
        content = _download(address, most)
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it holds the connection
        fix = "Check the address and the connection; or download the file and pass its path."
        checks.refuse(where, "a file that can be fetched", reason(error), fix)
    try:
        return parse(content)
    except ValueError as error:
        fix = "Pass the address of the file itself; on GitHub, that of the button 'Raw'."
        checks.refuse(where, "a JSON file in UTF-8", str(error), fix)


def embedded(source: str) -> Any:
    """Read questions that are given as text: JSON, or JSON in base64, with its element or without.

    Parameters
    ----------
    source : str
        Any text.

    Returns
    -------
    object
        What the JSON holds; None if it is the name or the path of a file.

    Raises
    ------
    featlib.FeatlibError
        If it names an HTML element, or is JSON or base64 with a fault.
    """
    return _embedded(source, _DEEPEST)


def _embedded(source: str, deeper: int) -> Any:
    text = _QUOTED.sub(r"\2", source.strip())
    if text.lower().endswith(".json"):  # the name of a file, however it begins
        return None
    where, wanted = "quiz", "questions that Python can read"
    if text.startswith("#"):
        fix = "Pass the element's text itself, in JSON or base64, or a file, a list or an address."
        checks.refuse(where, wanted, f"'{text}', an HTML element of a page", fix)
    if text.startswith(("[", "{")):
        return _parsed(text, "the text of a list of questions in JSON")
    inside = (_embedded(each, deeper - 1) for each in _elements(text)) if deeper else iter(())
    if (found := next((each for each in inside if each is not None), None)) is not None:
        return found
    packed = "".join(text.split())
    if len(packed) < _SHORTEST or not re.fullmatch(r"[\w+/=]+", packed, re.ASCII):
        return None
    try:
        content = base64.b64decode(packed, validate=True)
    except binascii.Error:
        content = b""
    if content.lstrip()[:1] in (b"[", b"{"):
        return _parsed(content, "questions in JSON and base64")
    if len(packed) > _LONG_NAME or packed.startswith(_BEGINNINGS):
        got = f"{len(text)} characters that are none, beginning with '{text[:20]}'"
        checks.refuse(where, "questions in base64", got, "Copy the element's text as a whole.")
    return None


def _elements(text: str) -> Iterator[str]:
    """Yield what is in each element: all up to the last closing tag of its name."""
    last = {tag[1]: tag.start() for tag in _CLOSING.finditer(text)}
    end = 0
    for tag in _OPENING.finditer(text):
        if tag.start() >= end and last.get(tag[1], 0) > tag.end():
            end = last[tag[1]]
            yield text[tag.end() : end]


def _parsed(text: str | bytes, wanted: str) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        fix = "Check commas, quotes and brackets near that place."
        checks.refuse("quiz", wanted, str(error), fix)


def _download(address: str, most: int) -> bytes:
    """Return what is at an address; a server that sends drop by drop is not waited for."""
    end, content = time.monotonic() + _SECONDS, b""
    parts = urlsplit(address)
    path, query = (quote(part, safe=_SAFE) for part in (parts.path, parts.query))
    address = urlunsplit(parts._replace(path=path, query=query))  # blanks and letters with accents
    with urlopen(address, timeout=_SECONDS) as answer:
        while piece := answer.read1(_PIECE):
            content += piece
            if len(content) > most:
                raise ValueError(f"more than {most / 1_000_000:g} MB")
            if time.monotonic() > end:
                raise TimeoutError(f"not all of it within {_SECONDS:g} seconds")
    return content
