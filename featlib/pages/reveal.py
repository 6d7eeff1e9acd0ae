"""What every page of slides is made of: reveal.js, a policy, and Markdown that is safe."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from featlib.engine.data_address import data_address
from featlib.pages.rendering import TEMPLATES
from featlib.pages.safe_html import clean

__all__ = ["REVEAL", "parts", "prose", "without_controls"]

REVEAL = Path(__file__).parents[1] / "assets" / "reveal"
# The speaker's view shows the page in frames; it is a window of its own, and obeys the same policy.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'unsafe-inline'; img-src data:; "
    "font-src data:; frame-src 'self' file:; base-uri 'none'; form-action 'none'"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")  # no HTML page may hold them


def parts(content: str, styles: Sequence[str], script: str) -> dict[str, Any]:
    """Return what a template needs for slides that stand alone.

    Parameters
    ----------
    content : str
        All that the page shows. The mark of our own scripts hangs on it, so nothing in it can know
        the mark.
    styles : sequence of str
        Files in ``templates``.
    script : str
        A file in ``templates`` that starts reveal.js.

    Returns
    -------
    dict
        With the keys ``policy``, ``nonce``, ``styles`` (texts) and ``scripts`` (data URLs).
    """
    nonce = hashlib.sha256(content.encode(errors="replace")).hexdigest()
    files = [REVEAL / "reveal.css", *(TEMPLATES / style for style in styles)]
    scripts = (REVEAL / "reveal.js", REVEAL / "notes.js", TEMPLATES / script)
    return {
        "policy": _POLICY.format(nonce=nonce),
        "nonce": nonce,
        "styles": [path.read_text(encoding="utf-8") for path in files],
        "scripts": [_inline(path, nonce) for path in scripts],
    }


def prose(source: str) -> str:
    """Return Markdown as HTML that is safe to show.

    Parameters
    ----------
    source : str
        From anywhere.

    Returns
    -------
    str
    """
    # nbconvert's own converter takes minutes for some texts, such as 100,000 spaces in a row.
    markdown = MarkdownIt("commonmark", {"html": True, "highlight": _highlighted})
    return clean(markdown.enable(["table", "strikethrough"]).render(source))


def without_controls(page: str) -> str:
    """Return a page without the control characters that no HTML may hold.

    Parameters
    ----------
    page : str
        HTML.

    Returns
    -------
    str
    """
    return _CONTROLS.sub("", page)


def _inline(path: Path, nonce: str) -> str:
    """Return a script as a data URL: nothing in it can end the page's own script early."""
    # The speaker's view is a page in notes.js, with a script of its own.
    content = path.read_bytes().replace(b"<script>", f"<script nonce={nonce}>".encode())
    return data_address(content, "text/javascript")


def _highlighted(code: str, language: str, _: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""  # shown without colors
    colored = highlight(code, lexer, HtmlFormatter(nowrap=True))
    return f'<pre class="highlight"><code>{colored}</code></pre>'
