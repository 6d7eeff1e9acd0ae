"""Links between files of the repository, as links between pages of the site."""

import posixpath
import re
from collections.abc import Mapping

__all__ = ["REPOSITORY", "SITE", "cell_label", "rewritten"]

REPOSITORY = "https://github.com/featlib/featlib"
SITE = "https://featlib.github.io/featlib"

_MARKDOWN = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)\s]+)(?=\))")
_HTML = re.compile(r'(?<=href=")(?![a-z]+:|#)([^"]+)(?=")')
_CELL = "cell-id="


def cell_label(identity: str) -> str:
    """Return the label of a notebook's cell, for links to it.

    Parameters
    ----------
    identity : str
        The cell's id, such as ``"12-19"``.

    Returns
    -------
    str

    Examples
    --------
    >>> cell_label("12-19")
    'cell-12-19'
    """
    return f"cell-{identity}"


def rewritten(text: str, file: str, pages: Mapping[str, str], *, html: bool = False) -> str:
    """Return a text with its relative links turned into links to pages.

    Parameters
    ----------
    text : str
        Markdown, or HTML.
    file : str
        Where the text stands in the repository, such as ``"docs/install.md"``.
    pages : dict of str to str
        The site's page of each file of the repository: ``{"docs/scale.md": "scale.md"}``. A file
        that has none is shown where the repository is.
    html : bool
        Whether the text is HTML. Its links lead to ``.html`` then.

    Returns
    -------
    str

    Examples
    --------
    >>> rewritten("[how](../tools/README.md)", "docs/install.md", {})
    '[how](https://github.com/featlib/featlib/blob/main/tools/README.md)'
    """
    here = posixpath.dirname(pages.get(file, ""))

    def link(match: re.Match[str]) -> str:
        path, sharp, place = match[1].partition("#")
        wanted = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
        if place.startswith(_CELL) and not html:
            return f"#{cell_label(place.removeprefix(_CELL))}"
        if wanted not in pages:
            return f"{REPOSITORY}/blob/main/{wanted}{sharp}{place}"
        found = posixpath.relpath(pages[wanted], here or ".")
        if html:
            found = posixpath.splitext(found)[0] + ".html"
        place = cell_label(place.removeprefix(_CELL)) if place.startswith(_CELL) else place
        return f"{found}{sharp}{place}"

    return (_HTML if html else _MARKDOWN).sub(link, text)
