"""Text for a cell of a CSV file: a spreadsheet shows it, and computes nothing."""

import re
import unicodedata

_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
_BREAKS = ("\t", "\r", "\n")
# Where another cell begins if a spreadsheet takes another separator than the comma.
_LATER_CELL = re.compile(r"(?<=[;\t\r\n])[^;\t\r\n]+")
# Blank, though Unicode counts them as letters or symbols: fillers of Hangul, and an empty Braille.
_BLANK_LETTERS = frozenset(" \u115f\u1160\u2800\u3164\uffa0")


def safe_cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would compute: it makes it text.

    See OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection. Spreadsheets
    skip blank and invisible characters before a formula, take the wide forms of ``=``, ``+``, ``-``
    and ``@`` for the narrow ones, and in many countries begin a cell at each semicolon.

    Parameters
    ----------
    text : str
        What a person or a file has given.

    Returns
    -------
    str
        The same where no cell can begin with a formula.
    """
    guarded = _LATER_CELL.sub(lambda cell: _mark(cell[0]) + cell[0], text)
    return ("'" if text.startswith(_BREAKS) else _mark(text)) + guarded


def _mark(cell: str) -> str:
    """Return the apostrophe that a cell needs, if it does."""
    first = next((sign for sign in cell if not _is_blank(sign)), "")
    return "'" if _FORMULA.intersection(unicodedata.normalize("NFKC", first)[:1]) else ""


def _is_blank(sign: str) -> bool:
    # What is not printable: control and format characters, half characters, and every other space.
    is_mark = unicodedata.category(sign) in ("Mn", "Me")
    return is_mark or sign in _BLANK_LETTERS or not sign.isprintable()
