"""Read a number as people write it.

What can be read in two ways is asked back: no number is ever taken for another one. So a comma
counts only where it can do nothing but part thousands (1,234,567), and 0,625 is asked back. For
1,234 and 1.234 see `Reading.other`.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context
from fractions import Fraction
from math import isfinite

__all__ = ["Reading", "plain", "read_number", "rounded", "visible"]

_NO_NUMBER = "That is no number. Write it like 512, 0.6 or 1/3."
_ASK_BACK = (
    "That can be read in more than one way. Write decimals with a point, like 0.6, and a large "
    "number in digits alone, like 5130."
)
_LONGEST = 60  # characters of a number
_MOST = 1000  # characters that are read

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2019\u2018\u02bc\u00b4`_", "'"),  # part thousands: 1'000, 1_000
        **dict.fromkeys("\u00d7\u00b7\u22c5\u2219\u2217", "*"),
        **dict.fromkeys("\u2044\u2215\u00f7", "/"),
        "\u066b": ".",
        **dict.fromkeys("\u066c\u060c", ","),
        "\u066a": "%",
        **dict.fromkeys("\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089", "#"),
    }
)
# Marks that nobody sees come along with what is copied from a page, or typed from right to left.
_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_RAISED = re.compile(r"[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207a\u207b]+")  # superscripts
# Between one of these, or a fraction of one sign, and a digit: 8²1 is no 8²¹, and ½5 no 1/25.
_ENDED = re.compile(
    r"(?<=[\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u00bc-\u00be\u2150-\u215e])(?=[0-9])"
)

_DECIMAL = r"(?:\d+\.?\d*|\.\d+)"
_NUMBER = re.compile(
    rf"""(?P<sign>[+-]?)
    (?: (?:(?P<whole>\d+)\ (?=[1-9]\d?/))?  # 2 1/2; three digits may be part of 2 100
        (?P<above>{_DECIMAL})/(?P<minus>-?)(?P<below>{_DECIMAL})
      | (?P<first>{_DECIMAL})(?:e(?P<exponent>[+-]?\d{{1,3}}))?
        (?:\*(?P<base>\d+)\^(?P<power>[+-]?\d{{1,3}}))?  # 1.5*10^6
      | (?P<only>\d+)\^(?P<raised>[+-]?\d{{1,3}})  # 10^6
    )(?P<percent>%?)""",
    re.X,
)
_POINTS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+%?")  # part thousands for many: 1.234
_GROUPS = re.compile(r"(?<![\d.,' ])[1-9]\d{0,2}([,' ])\d{3}(?:\1\d{3})*(?![\d,'/]| \d)")


@dataclass(frozen=True)
class Reading:
    """What a text says as a number.

    Attributes
    ----------
    values : tuple of float
        All that may be meant: 83 and 0.83 for ``83 %``. Empty for what is no number, or is to be
        asked back.
    other : tuple of float
        What it says to somebody who writes comma and point the other way round, where that is
        another number: 1.234 for ``1,234``, and 1234 for ``1.234``. An answer that would be right
        so, and is not right otherwise, is asked back.
    advice : str
        How to write it otherwise.
    """

    values: tuple[float, ...]
    other: tuple[float, ...] = ()
    advice: str = _ASK_BACK


def read_number(text: str) -> Reading:
    """Read a number as people write it.

    Parameters
    ----------
    text : str
        Such as ``"512"``, ``"5,130"``, ``"1/3"``, ``"2 1/2"``, ``"1.5×10⁶"`` or ``"83 %"``.

    Returns
    -------
    Reading

    Examples
    --------
    >>> read_number("2 1/2").values
    (2.5,)
    >>> read_number("0,625").values
    ()
    """
    tidy = _tidy(text)
    value = _value(_GROUPS.sub(lambda found: re.sub(r"[,' ]", "", found[0]), tidy))
    points = _POINTS.fullmatch(tidy)
    if not value:
        unclear = re.search(r"\d[,' ] ?\d", tidy) and not re.search(r"[^\d.,'\s/%e^*+-]", tidy)
        return Reading((), advice=_ASK_BACK if unclear or points else _NO_NUMBER)
    # A single comma may also stand for a point; a second one, or a point, rules that out.
    if points or tidy.count(",") == 1:
        return Reading(value, _value(tidy.replace(".", "") if points else tidy.replace(",", ".")))
    return Reading(value)


def rounded(number: float, digits: int) -> float:
    """Round a number as JavaScript's ``toPrecision`` does: what is exactly half goes up.

    Parameters
    ----------
    number : float
        Finite.
    digits : int
        Significant digits.

    Returns
    -------
    float

    Examples
    --------
    >>> rounded(0.125, 2), rounded(-2.5, 1)
    (0.13, -3.0)
    """
    return float(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal_from_float(number))


def visible(text: str) -> str:
    r"""Drop the marks of a text that nobody sees.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Without blanks of no width, soft hyphens, and marks of direction.

    Examples
    --------
    >>> visible("5\u200b12\ufeff")
    '512'
    """
    return _INVISIBLE.sub("", text)


def plain(text: str) -> str:
    """Write digits and signs in one way of several that look alike.

    Parameters
    ----------
    text : str
        Any text; of a long one, the beginning counts.

    Returns
    -------
    str
        With digits of any script as 0–9, and raised ones after ``^``; in small letters.

    Examples
    --------
    >>> plain("１０ × ٥²")
    '10 * 5^2'
    """
    text = _ENDED.sub(" ", visible(text[:_MOST]))
    text = _RAISED.sub(r"^\g<0>", text)
    text = re.sub(r"(?=[\u00bc-\u00be\u2150-\u215e])", " ", text)  # 2½ is 2 1/2
    text = unicodedata.normalize("NFKC", text.translate(_ALIKE)).translate(_ALIKE)
    return "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text).lower()


def _tidy(text: str) -> str:
    """Write a text in one way of several that look alike, with single blanks between digits."""
    text = re.sub(r"^\s*[~=\u2248]", "", plain(text))  # "about" and "is"
    text = re.sub(r"\s*(?:percent|per cent)\s*$", "%", text).replace("**", "^")
    text = re.sub(r"(?<=\d)\s*x\s*(?=\d+\s*\^)", "*", text)  # 3 x 10^4
    return re.sub(r"\s*([-+*/^%])\s*", _without_blanks, " ".join(text.split()))


def _without_blanks(found: re.Match[str]) -> str:
    """Drop the blanks around a sign; but "2 -1" stays two numbers."""
    before = found.string[: found.start()]
    if found[1] in "-+" and before[-1:].isdigit():
        return found[0]
    return found[1]


def _value(text: str) -> tuple[float, ...]:
    """Return what a tidy text without groups of digits says; nothing if it is no number."""
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if not found:
        return ()
    try:
        number = float(_exact(found))
    except (ZeroDivisionError, OverflowError):
        return ()
    number = -number if found["sign"] == "-" else number
    if not isfinite(number):
        return ()
    return (number, number / 100) if found["percent"] else (number,)


def _exact(found: re.Match[str]) -> Fraction:
    """Return the number without its sign."""
    if found["only"]:
        return _power(found["only"], found["raised"])
    if found["above"]:
        part = Fraction(found["above"]) / Fraction(found["minus"] + found["below"])
        if found["whole"] and not 0 < part < 1:
            raise OverflowError("no mixed number")
        return Fraction(found["whole"] or 0) + part
    number = Fraction(found["first"]) * _power("10", found["exponent"] or "0")
    return number * (_power(found["base"], found["power"]) if found["base"] else 1)


def _power(base: str, exponent: str) -> Fraction:
    return Fraction(base) ** int(exponent)
