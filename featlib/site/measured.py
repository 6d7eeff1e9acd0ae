"""What the notebooks measured: the truth of each guess, and what quizzes ask of a reader's own run.

A page has no kernel. So the numbers are recorded when the notebooks are executed, and lie beside
this file, by the name of the notebook.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from featlib.engine.files import atomic_write_text

__all__ = ["FILE", "code_of", "load", "recorded"]

FILE = Path(__file__).with_suffix(".json")
_LOCK = Lock()  # two notebooks may be executed at once

# Runs before a notebook. What a guess or a quiz is told is written down, and nothing is changed.
_CELL = """
import json as _json
from pathlib import Path as _Path
from featlib.quiz import Guess as _Guess
from featlib.widgets.quiz import QuizWidget as _QuizWidget

def _watch(owner, name, kind, read):
    plain = getattr(owner, name)
    def watched(self, *given, **named):
        result = plain(self, *given, **named)
        key, value = read(self, *given)
        if value is not None and value != {{}}:
            _seen[kind][key] = value
            _Path({path!r}).write_text(_json.dumps(_seen), encoding="utf-8")
        return result
    setattr(owner, name, watched)

_seen = {{"guesses": {{}}, "values": {{}}}}
_watch(_Guess, "record", "guesses", lambda self, measured: (
    self.question.id, self.question.truth(measured)))
_watch(_QuizWidget, "__init__", "values", lambda self, *_: (self.quiz.name, self.values))
"""


@contextmanager
def recorded(notebook: NotebookNode, name: str) -> Iterator[None]:
    """Record what a notebook measures while it is executed.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        It has one cell more at its beginning until the end.
    name : str
        Of the notebook, such as ``"00_start_here"``. What was known of it is replaced in `FILE`.

    Yields
    ------
    None
        Execute the notebook meanwhile.
    """
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder, "seen.json")
        notebook.cells.insert(0, new_code_cell(_CELL.format(path=str(seen))))
        try:
            yield
        finally:
            del notebook.cells[0]
        found = json.loads(seen.read_text(encoding="utf-8")) if seen.exists() else {}
    with _LOCK:
        known = load() | {name: {"code": code_of(notebook), **found}}
        text = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False)
        atomic_write_text(FILE, f"{text}\n")


def load() -> dict[str, dict[str, Any]]:
    """Return what is known of each notebook.

    Returns
    -------
    dict of str to dict
        By the name of the notebook: ``guesses``, a truth by the id of each question; ``values``,
        values by the name of each quiz; ``code``, as `code_of` returns it.
    """
    return json.loads(FILE.read_text(encoding="utf-8"))


def code_of(notebook: Mapping[str, Any]) -> str:
    """Return a checksum of a notebook's code: where it is another, the numbers may be others.

    Parameters
    ----------
    notebook : dict
        As `nbformat` reads it.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    code = "\n\n".join(cell.source for cell in notebook["cells"] if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]
