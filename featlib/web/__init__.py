"""The widgets on a plain web page, without Python: the same front ends, a back end in JavaScript.

`data` makes what a page needs to know of a quiz, a question to guess, flashcards, the live lab or
own pictures; `embed` makes the place of a widget in a page; `script` makes the one script that
brings all places to life. Large data are blocks, which the script loads when they are needed:
`needs` names those of a widget, `block_script` makes the file of each, and `inline_block` an
element for a page that is one file; `block_names` lists them, and `block` returns the content.
"""

from featlib.web.blocks import block, block_names, block_script, inline_block, needs
from featlib.web.content import data
from featlib.web.page import embed, script

__all__ = [
    "block",
    "block_names",
    "block_script",
    "data",
    "embed",
    "inline_block",
    "needs",
    "script",
]
