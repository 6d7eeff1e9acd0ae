"""A notebook as a page: its stored outputs, with quizzes, guesses, cards and the lab alive.

The cell of a quiz keeps its questions as JSON beside what it shows; the cell of a guess keeps its
question, and the cell of flashcards its cards. The lab and the two cells that take pictures are
known by the call that shows them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from featlib import checks, quiz, web
from featlib.web.blocks import needs

__all__ = ["Page", "below", "live"]

_NO_GUESS = " (You made no guess.)"  # of a notebook that nobody has sat before
_CALL = re.compile(r"^(?:\w+ = )?featlib\.show_(lab|own_images|my_picture)\(", re.MULTILINE)
_TABLE = re.compile(r"quiz\.(?:mastery|progress|guess)_table\(")
_TURN = re.compile(r"(?<=✎ Your turn\.</strong> )[^<]*")  # of a gap that nobody has filled
_IN_NOTEBOOK = (
    "You fill this gap in the notebook. Think it through here, then open hints and solution."
)
# What a page has in the place of tables of what a learner did: site.js fills it.
_STANDING = '<div class="featlib-standing"></div>'


@dataclass
class Page:
    """A notebook that is ready for the site.

    Attributes
    ----------
    notebook : nbformat.NotebookNode
        With outputs that a page can show.
    answers : list of str
        The keys of its questions, under which the browser keeps answers.
    guesses : list of str
        The keys of its questions to guess.
    objectives : dict of str to list of str
        What one can do afterwards, and the keys of the questions that ask for it.
    blocks : set of str
        The blocks that its widgets need.
    """

    notebook: NotebookNode
    answers: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)
    objectives: dict[str, list[str]] = field(default_factory=dict)
    blocks: set[str] = field(default_factory=set)

    @property
    def title(self) -> str:
        """str: the first heading."""
        text = "\n".join(cell.source for cell in self.notebook.cells)
        return re.findall(r"^# (.*)$", text, re.MULTILINE)[0]

    def embed(self, kind: str, data: Mapping[str, Any]) -> str:
        """Return the place of a widget, and note what it needs and what it keeps.

        Parameters
        ----------
        kind : str
            As for `featlib.web.embed`.
        data : dict
            What `featlib.web.data` returned.

        Returns
        -------
        str
            HTML.
        """
        self.blocks.update(needs(kind))
        self.answers += [question["key"] for question in data.get("questions", ())]
        self.guesses += [data["key"]] if kind == "guess" else []
        return web.embed(kind, data)


def live(
    notebook: NotebookNode,
    measured: Mapping[str, Any],
    shows: Mapping[str, Callable[[], dict[str, Any]]],
) -> Page:
    """Bring the outputs of a notebook to life.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed; changed in place.
    measured : dict of str to dict
        What `measured.load` knows of it.
    shows : dict of str to callable
        What makes the data of a widget, by its kind: ``lab``, ``own_images``, ``my_picture``. An
        output of another kind stays as it is stored.

    Returns
    -------
    Page

    Raises
    ------
    featlib.FeatlibError
        If an output is an error, a figure has no alternative text, or a value of the run is not
        known.
    """
    page = Page(notebook)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs = [_output(page, cell, output, measured, shows) for output in cell.outputs]
        for output in cell.outputs:
            if about := output.get("metadata", {}).get("image/png"):
                # myst-nb takes it from the cell; no cell has two figures
                cell.metadata["mystnb"] = {"image": {"alt": about["alt"]}}
    return page


def _output(
    page: Page,
    cell: NotebookNode,
    output: NotebookNode,
    measured: Mapping[str, Any],
    shows: Mapping[str, Callable[[], dict[str, Any]]],
) -> NotebookNode:
    if output.output_type == "error":
        fix = "Mend the cell, and execute the notebook anew: make notebooks."
        checks.refuse("featlib site", f"no error in cell {cell.id}", output.ename, fix)
    if output.output_type == "stream":
        output.text = output.text.replace(_NO_GUESS, "")
        return output
    data = output.data
    if quiz.MIME in data:
        found = quiz.Quiz.from_dict(data[quiz.MIME])
        for question in found.questions:
            if text := found.objectives.get(question.objective):
                page.objectives.setdefault(text, []).append(question.key)
        values = measured.get("values", {}).get(found.name) or None
        return _html(page.embed("quiz", web.data(found, values)))
    if quiz.GUESS_MIME in data:
        asked = quiz.GuessQuestion.from_dict(data[quiz.GUESS_MIME])
        truth = measured.get("guesses", {}).get(asked.id)
        return _html(page.embed("guess", web.data(asked, measured=truth)))
    if quiz.DECK_MIME in data:
        deck = quiz.deck_from_dict(data[quiz.DECK_MIME])
        return _html(page.embed("flashcards", web.data(deck)))
    if (call := _CALL.search(cell.source)) and call[1] in shows:
        return _html(page.embed(call[1], shows[call[1]]()))
    if _TABLE.search(cell.source):
        return _html(_STANDING)
    if "image/png" in data:
        if not output.metadata.get("image/png", {}).get("alt"):
            fix = "featlib.plots gives its figures one: plots.style.add_alt."
            checks.refuse("featlib site", f"alternative text in cell {cell.id}", "none", fix)
        output.data = NotebookNode({"image/png": data["image/png"]})
        return output
    return _html(_wide(data["text/html"])) if "text/html" in data else output


def below(html: str, levels: int) -> str:
    """Return HTML that can stand within a page: its headings lower, and no page of its own.

    Parameters
    ----------
    html : str
        Such as that of a whole page from its style on.
    levels : int
        How many levels lower.

    Returns
    -------
    str

    Examples
    --------
    >>> below("<main><h1>Title</h1></main></body></html>", 2)
    '<div><h3>Title</h3></div>'
    """
    html = re.sub(r"(</?)main\b", r"\1div", re.sub(r"</(body|html)>\s*", "", html))
    heading = r"(?<=<h|/h)[1-4](?=[\s>])|(?<=\.sheet h)[1-4]"  # in a style, too
    return re.sub(heading, lambda m: str(int(m[0]) + levels), html)


def _html(text: str) -> NotebookNode:
    return new_output("display_data", data={"text/html": text})


def _wide(html: str) -> str:
    """Return HTML that scrolls by itself where the page is narrow."""
    html = _TURN.sub(_IN_NOTEBOOK, html)
    caption = re.match(r"<table><caption[^>]*>(.*?)</caption>", html, re.DOTALL)
    if not caption:
        return f'<div class="featlib-html">{below(html, 2)}</div>'
    name = escape(unescape(re.sub(r"<[^>]+>", "", caption[1])))
    return f'<div class="featlib-table" role="region" tabindex="0" aria-label="{name}">{html}</div>'
