"""Large data of a web page, in blocks: each is loaded once, when something on the page needs it.

A page that is opened from a folder can fetch nothing. So a block is a script file beside the page's
script, or an element of the page. See blocks.js.
"""

import base64
import gzip
from collections.abc import Callable
from functools import partial

from featlib import checks
from featlib.model.readme import WEIGHTS
from featlib.pages import onnx_runtime
from featlib.web.lab_data import BLOCKS, lab_block
from featlib.weights import read_weights

__all__ = ["NEEDS", "block", "block_names", "block_script", "inline_block", "needs"]

_WHERE = "web.block"
_MAKERS: dict[str, Callable[[], bytes]] = {
    **{block: partial(lab_block, name) for name, block in BLOCKS.items()},
    "network": lambda: onnx_runtime.network(read_weights(), _WHERE),
    "ort": lambda: onnx_runtime.library(_WHERE).encode(),
    "wasm": lambda: gzip.decompress(onnx_runtime.program(_WHERE)),
}
"""What makes the content of each block."""

_RUNTIME = (
    f"ONNX Runtime Web {onnx_runtime.VERSION}. MIT License, Copyright (c) Microsoft Corporation; "
    "parts of others: see ThirdPartyNotices.txt of ONNX Runtime."
)
_NOTICES = {
    "lab-pixels": "Noto Emoji, Apache License 2.0, and Twemoji, CC BY 4.0, drawn anew.",
    "network": f"ResNet18. {WEIGHTS['bundled'][1]}.",
    "ort": _RUNTIME,
    "wasm": _RUNTIME,
}
"""What the licenses want to be said with a block."""

_NETWORK = ("network", "ort", "wasm")
NEEDS: dict[str, tuple[str, ...]] = {
    "quiz": (),
    "guess": (),
    "flashcards": (),
    "lab": tuple(BLOCKS.values()),
    "own_images": _NETWORK,
    "my_picture": _NETWORK,
}
"""The blocks that each kind of widget on a page uses."""


def block_names() -> tuple[str, ...]:
    """Return the names of all blocks.

    Returns
    -------
    tuple of str
        Sorted.

    Examples
    --------
    >>> from featlib import web
    >>> "wasm" in web.block_names()
    True
    """
    return tuple(sorted(_MAKERS))


def block(name: str) -> bytes:
    r"""Return the content of a block.

    Parameters
    ----------
    name : str
        One of `block_names`.

    Returns
    -------
    bytes
        What ``await block(name)`` returns in JavaScript.

    Raises
    ------
    featlib.FeatlibError
        If there is no such block, what it is made of is missing or altered, or the network is
        wanted and the extra ``featlib[html]`` is not installed.

    Examples
    --------
    >>> from featlib import web
    >>> web.block("wasm")[:4]
    b'\x00asm'
    """
    checks.one_of(name, _WHERE, "name", block_names())
    return _MAKERS[name]()


def block_script(name: str) -> str:
    """Return a block as a script, for a file beside the page's script.

    Parameters
    ----------
    name : str
        One of `block_names`.

    Returns
    -------
    str
        What belongs into the file ``featlib-NAME.js``. The page's script loads it when it is
        needed.

    Raises
    ------
    featlib.FeatlibError
        As for `block`.
    """
    return f'/* {_notice(name)} */\nfeatlib.block("{name}", "{_packed(name)}");\n'


def inline_block(name: str) -> str:
    """Return a block as an element, for a page that has everything in one file.

    Parameters
    ----------
    name : str
        One of `block_names`.

    Returns
    -------
    str
        HTML. It may stand anywhere in the page.

    Raises
    ------
    featlib.FeatlibError
        As for `block`.
    """
    kind = f'type="application/octet-stream" data-featlib-block="{name}"'
    return f"<!-- {_notice(name)} -->\n<script {kind}>{_packed(name)}</script>\n"


def needs(kind: str) -> tuple[str, ...]:
    """Return the blocks that a kind of widget uses.

    Parameters
    ----------
    kind : str
        As for `embed`.

    Returns
    -------
    tuple of str
        Their names; most kinds need none.

    Raises
    ------
    featlib.FeatlibError
        If there is no such kind.

    Examples
    --------
    >>> from featlib import web
    >>> web.needs("quiz"), web.needs("my_picture")
    ((), ('network', 'ort', 'wasm'))
    """
    checks.one_of(kind, "web.needs", "kind", NEEDS)
    return NEEDS[kind]


def _notice(name: str) -> str:
    return _NOTICES.get(name, "Made by featlib.")


def _packed(name: str) -> str:
    if name == "wasm":  # it comes with featlib as it is needed here
        packed = onnx_runtime.program(_WHERE)
    else:
        packed = gzip.compress(block(name), 9, mtime=0)
    return base64.b64encode(packed).decode()
