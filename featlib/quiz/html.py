"""Questions as plain HTML: for the widget, and for places where no kernel runs.

Everything from a quiz file is escaped. Only what a question declares to be Markdown is rendered,
and then sanitized.
"""

import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING, Any

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt

from featlib.quiz.marking import shuffled
from featlib.quiz.questions import CHOICES, Question, Quiz

if TYPE_CHECKING:
    from featlib.quiz.flashcards import Flashcard

__all__ = ["card", "cards", "choice", "code", "form", "formula", "question", "rich"]

_MARKDOWN = MarkdownIt("commonmark", {"html": False})
_MATHML = [
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "msup",
    "msub",
    "msubsup",
    "mfrac",
    "msqrt",
    "mroot",
    "mtext",
    "mspace",
    "munder",
    "mover",
]
_TAGS = {"p", "em", "strong", "code", "pre", "ul", "ol", "li", "br", "a", "sub", "sup", *_MATHML}


def rich(text: str, format: str = "text") -> str:
    """Turn a text of a quiz file into safe HTML.

    Parameters
    ----------
    text : str
        The text.
    format : {"text", "markdown"}
        How to read it. In Markdown, ``$…$`` is LaTeX.

    Returns
    -------
    str
    """
    if format != "markdown":
        return escape(text).replace("\n", "<br>")
    formulas: list[str] = []
    text = text.replace("\u2983", "").replace("\u2984", "")  # they stand for formulas below

    def keep(found: re.Match[str]) -> str:
        formulas.append(found[1])
        return f"\u2983{len(formulas) - 1}\u2984"

    html = _MARKDOWN.render(re.sub(r"\$([^$\n]+)\$", keep, text))
    html = re.sub("\u2983(\\d+)\u2984", lambda found: formula(formulas[int(found[1])]), html)
    html = nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}, "math": {"xmlns", "display"}})
    return re.sub(r"^<p>(.*)</p>\n?$", r"\1", html) if html.count("<p>") == 1 else html


def formula(latex: str) -> str:
    """Turn LaTeX into MathML, which browsers draw by themselves.

    Parameters
    ----------
    latex : str
        Without the dollar signs.

    Returns
    -------
    str
        HTML; what cannot be converted is shown as it is.
    """
    try:
        return convert(latex)
    except Exception:  # the converter raises whatever it stumbles over; the source is readable
        return f"<code>{escape(latex)}</code>"


def form(quiz: Quiz) -> str:
    """Return a quiz as HTML that needs no script: questions with their answers folded away.

    Parameters
    ----------
    quiz : featlib.quiz.Quiz
        The quiz.

    Returns
    -------
    str
    """
    parts = "".join(map(question, quiz.questions))
    return (
        f'<section aria-label="Quiz: {escape(quiz.title)}"><p><strong>{escape(quiz.title)}</strong>'
        f" – {len(quiz.questions)} questions</p><ol>{parts}</ol></section>"
    )


def cards(deck: "Iterable[Flashcard]") -> str:
    """Return flashcards as HTML that needs no script: fronts with their backs folded away.

    Parameters
    ----------
    deck : iterable of featlib.quiz.Flashcard
        The cards.

    Returns
    -------
    str
    """
    return f'<section aria-label="Flashcards">{"".join(map(card, deck))}</section>'


def card(card: "Flashcard") -> str:
    """Return a flashcard as HTML that needs no script: its front, with its back folded away.

    Parameters
    ----------
    card : featlib.quiz.Flashcard
        The card.

    Returns
    -------
    str
        A ``<details>``.
    """
    front, back = rich(card.front, "markdown"), rich(card.back, "markdown")
    return f"<details><summary>{front}</summary>{back}</details>"


def question(question: Question) -> str:
    """Return a question as HTML that needs no script: its answer is folded away.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    str
        A ``<li>`` of an ordered list.
    """
    body = rich(question.text, question.format) + code(question.code)
    if question.type == "order":
        shown = [question.items[i] for i in shuffled(question)]
        body += (
            "<ul>" + "".join(f"<li>{rich(item, question.format)}</li>" for item in shown) + "</ul>"
        )
    elif question.type in CHOICES:
        body += (
            "<ul>" + "".join(f"<li>{choice(question, a)}</li>" for a in question.answers) + "</ul>"
        )
    return (
        f"<li><div>{body}</div><details><summary>Answer</summary>{_solution(question)}"
        f"{rich(question.explanation, question.format)}</details></li>"
    )


def choice(question: Question, answer: dict[str, Any]) -> str:
    """Return a choice as HTML: its text, its code, or both.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question; its format is that of the text.
    answer : dict
        One of its answers.

    Returns
    -------
    str
    """
    return rich(answer.get("answer", ""), question.format) + code(answer.get("code", ""))


def code(text: str) -> str:
    """Return code as HTML.

    Parameters
    ----------
    text : str
        The code; it is escaped.

    Returns
    -------
    str
        Empty for no code.
    """
    return f"<pre><code>{escape(text)}</code></pre>" if text else ""


def _solution(question: Question) -> str:
    if question.type == "order":
        listed = "".join(f"<li>{rich(item, question.format)}</li>" for item in question.items)
        return f"<ol>{listed}</ol>"
    right = [a for a in question.answers if a.get("correct")]
    if question.type in CHOICES:
        return "<ul>" + "".join(f"<li>{choice(question, a)}</li>" for a in right) + "</ul>"
    return f"<p>{escape(_plain(right[0]))}</p>"


def _plain(answer: dict[str, Any]) -> str:
    if "shape" in answer:
        return " × ".join(map(str, answer["shape"]))
    if "range" in answer:
        return f"from {answer['range'][0]:g} to {answer['range'][1]:g}"
    if "ask" in answer:
        return "the value of your own run"
    return f"{answer['value']:,}" if "value" in answer else answer["answer"]
