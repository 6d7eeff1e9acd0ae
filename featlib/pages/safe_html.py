"""HTML of a stranger made safe: it runs nothing, and asks the network for nothing.

A list says what may stay; all else is dropped. The work is done by nh3, which reads HTML as
browsers do.
"""

import re
from collections import Counter

import nh3

from featlib.engine.words import readable

__all__ = ["clean"]

_DEEPEST = 500  # elements inside each other; browsers stop at 512
_MOST = 1_000_000  # times that a parser may open elements again that were never closed
_TOO_DEEP = "<em>What is here is nested too deeply to be shown.</em>"
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_CLOSED = {"br", "hr", "img"}  # by themselves

_MATH_ATTRIBUTES = {
    "accent", "accentunder", "columnalign", "depth", "display", "displaystyle", "fence", "form",
    "height", "largeop", "linethickness", "lspace", "mathvariant", "maxsize", "minsize",
    "movablelimits", "notation", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy",
    "symmetric", "voffset", "width", "xmlns",
}  # fmt: skip
_MATH = {
    "math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded",
    "mphantom", "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub",
    "msubsup", "msup", "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
# A section would be a slide of its own.
_TAGS = (nh3.ALLOWED_TAGS - {"area", "map", "section"}) | {"tfoot"} | _MATH
_ATTRIBUTES = {
    "a": {"href"},
    "img": {"src", "alt"},
    "ol": {"start"},
    "details": {"open"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    **dict.fromkeys(_MATH, _MATH_ATTRIBUTES),
    "*": {"style", "class", "aria-label", "title", "lang", "dir"},
}

_LINK = re.compile(r"https?://|mailto:|#|[\w.][^:]*$")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[\w+/=\s]*$")
_CLASS = re.compile(r"highlight|[a-z]{1,3}\d?")  # of highlighted code
_STYLE = re.compile(
    r"\s*(text-align|vertical-align|color|background-color|font-weight|font-style|white-space"
    r"|border(-left|-right|-top|-bottom)?|padding(-left|-right)?|max-width)\s*:[\w\s#.%,-]+"
)


def clean(html: str) -> str:
    """Return HTML without anything that runs, loads or hides.

    Parameters
    ----------
    html : str
        From anywhere, such as an output of a stranger's notebook.

    Returns
    -------
    str
        Text, tables, lists, formulas in MathML, and pictures that lie in it as data. Links stay.

    Examples
    --------
    >>> clean('<b onclick="steal()">bold</b><script>steal()</script><img src="http://x">')
    '<b>bold</b><img>'
    """
    if _too_deep(html):
        return _TOO_DEEP
    return nh3.clean(
        readable(html),  # JSON may hold half characters
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_keep,
        url_schemes={"http", "https", "mailto", "data"},
    )


def _keep(tag: str, name: str, value: str) -> str | None:
    """Return what may stay of an attribute's value; None if nothing may."""
    if name == "href":
        return value if _LINK.match(value) else None
    if name == "src":
        return value if _PICTURE.match(value) else None
    if name == "class":
        return value if all(map(_CLASS.fullmatch, value.split())) else None
    if name == "style":
        return ";".join(part for part in value.split(";") if _STYLE.fullmatch(part)) or None
    return value


def _too_deep(html: str) -> bool:
    """Whether elements lie so deep inside each other that a parser would take for ever."""
    unclosed: Counter[str] = Counter()
    depth = deepest = 0
    for number, (end, tag) in enumerate(_TAG.findall(html), 1):
        tag = tag.lower()
        if not end and tag not in _CLOSED:
            unclosed[tag] += 1
            depth += 1
        elif end and unclosed[tag]:
            unclosed[tag] -= 1
            depth -= 1
        deepest = max(deepest, depth)
        if deepest > _DEEPEST or deepest * number > _MOST:
            return True
    return False
