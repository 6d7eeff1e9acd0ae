"""The widgets on a plain web page, without Python: the same front ends, a back end in JavaScript.

`data` makes what a page needs to know of a quiz, a question to guess, or flashcards; `embed` makes
the place of a widget in a page; `script` makes the one script that brings all places to life.
"""

from featlib.web.content import data
from featlib.web.page import embed, script

__all__ = ["data", "embed", "script"]
