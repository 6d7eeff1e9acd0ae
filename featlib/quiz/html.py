"""Questions as plain HTML: for the widget, and for places where no kernel runs.

Texts are read as JupyterQuiz reads them: simple HTML, links, and formulas between dollar signs; and
as Markdown where a question says so. The result is sanitized: nothing of it runs or is loaded.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import partial
from html import escape, unescape
from typing import TYPE_CHECKING, Any

import nh3
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline

from featlib.quiz.guess_questions import GuessQuestion
from featlib.quiz.marking import shuffled
from featlib.quiz.questions import CHOICES, Question, Quiz

if TYPE_CHECKING:
    from featlib.quiz.flashcards import Flashcard

__all__ = [
    "card",
    "cards",
    "choice",
    "code",
    "form",
    "formula",
    "guess",
    "mathml",
    "question",
    "rich",
]

_MATHML = {
    "math", "menclose", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom",
    "mprescripts", "mroot", "mrow", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup",
    "mtable", "mtd", "mtext", "mtr", "munder", "munderover",
}  # fmt: skip
_MATH_ATTRIBUTES = {
    "accent", "columnalign", "columnlines", "depth", "display", "displaystyle", "fence", "form",
    "height", "linebreak", "linethickness", "lspace", "mathvariant", "maxsize", "minsize",
    "movablelimits", "notation", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator",
    "stretchy", "voffset", "width", "xmlns",
}  # fmt: skip
_TAGS = {
    "a", "abbr", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code",
    "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "h1",
    "h2", "h3", "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q",
    "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "summary", "sup",
    "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    **dict.fromkeys(_MATHML, _MATH_ATTRIBUTES),
}

# In a<b and c>d there is no tag: an attribute has a value, but for those that HTML knows without.
_ATTRIBUTE = (
    r"""\s+[a-z][\w:.-]*\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>=`]+)|\s+(?:autofocus|border|compact"""
    r"|contenteditable|data-[\w.-]+|download|hidden|inert|ismap|itemscope|noshade|nowrap|open"
    r"|popover|reversed)"
)
_REST = rf"/?(?:{'|'.join(sorted(_TAGS))})(?:{_ATTRIBUTE})*\s*/?>"  # of a tag that is known
_PICTURE = re.compile(rf"<img((?:{_ATTRIBUTE})+)\s*/?>", re.I)
_GIVEN = re.compile(r"""([a-z][\w:.-]*)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`]+))""", re.I)
_NO_TAG = re.compile(rf"<(?!{_REST})", re.I)
# What is in no formula: code, a tag, or a price with words after it.
_PROSE = re.compile(rf"`|<{_REST}|^\d[^\\^]*\s[a-z]{{2,}}\b[^\\^]*$|^\d.*\s$", re.I | re.S)
_LOOSE = re.compile(  # $ x $ and $x = 5 $, but not $x = $y
    r"(?=.*[a-z])(?!.*[a-z]{2}|\d|.*=\s*$)(?:\s.*\s|(?P<equation>.*=.*))", re.I | re.S
)
_VERBATIM = re.compile(rf"<(code|pre|kbd|samp|tt)(?:{_ATTRIBUTE})*\s*>.*?</\1>", re.I | re.S)
_RAW = re.compile(r"[<>]|&(?!#?\w+;)")  # what escaped code does not have
_ENTITY = re.compile("&(?:lt|gt|amp|quot|apos|nbsp|#[0-9]{1,6}|#x[0-9a-f]{1,5});", re.I)
_CLEANER = nh3.Cleaner(
    tags=_TAGS | _MATHML,
    attributes=_ATTRIBUTES,
    url_schemes={"http", "https", "mailto"},
    set_tag_attribute_values={"a": {"target": "_blank"}},  # the notebook stays open
)
_DOLLARS = r"\$\$(?P<block>(?:\\.|[^$\\])+)\$\$|\$(?P<inline>(?:\\.|[^$\\])+)\$"
# What JupyterQuiz makes of dollar signs; in Markdown, these are brackets.
_BRACKETS = r"\\\[(?P<square>.{1,2000}?)\\\]|\\\((?P<round>.{1,2000}?)\\\)"
_ENVIRONMENT = (
    r"(?P<alone>\\begin\{(?P<of>(?:equation|align|gather|multline|eqnarray)\*?)\}"
    r".{1,2000}?\\end\{(?P=of)\})"
)
# What the converter does not know, in what it knows; what only numbers or spaces lines goes.
_KNOWN = [
    (re.compile(pattern), known)
    for pattern, known in (
        (r"\{(?:aligned|gathered)\}", "{split}"),
        (r"\\arg(?![a-zA-Z])", r"\\operatorname{arg}"),
        (r"\\operatorname\*", r"\\operatorname"),
        (r"\\[bB]igg?[lrm]?\s*(?=\\)", ""),
        (r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in|px)\s*\]", r"\\\\"),
        (r"\\(?:label|require)\s*\{[^{}]*\}", ""),
        (r"\\(?:notag|nonumber|hfill|allowbreak|mathstrut|strut)(?![a-zA-Z])", ""),
    )
]
_VARIANT = re.compile(r'(?<=<m[in]) mathvariant="([a-z-]+)">((?:[^<>&]|&#x[0-9A-F]+;)+)<')
_MOST = 20_000  # characters, of which few are tags: what is longer, nobody wrote for a quiz
_MOST_TAGS = 1000


def rich(text: str, format: str = "text") -> str:
    r"""Turn a text of a quiz file into safe HTML.

    Parameters
    ----------
    text : str
        The text.
    format : {"text", "markdown", "plain"}
        How to read it. ``plain`` shows it as it is, such as what a learner typed. In the others,
        ``$…$`` and ``$$…$$`` are formulas in LaTeX, links are links, and simple HTML is HTML, but
        no picture is loaded. Prices (``$5 and $7``, ``\$5``) and code stay as they are.

    Returns
    -------
    str

    Examples
    --------
    >>> rich("It costs $5 or $7, <b>not</b> <blink>$8</blink>.")
    'It costs $5 or $7, <b>not</b> &lt;blink&gt;$8&lt;/blink&gt;.'
    """
    if format == "plain" or len(text) > _MOST or text.count("<") > _MOST_TAGS:
        return escape(text).replace("\n", "<br>")
    html = _CLEANER.clean((_MARKDOWN if format == "markdown" else _TEXT).render(text))
    html = html.replace("<p></p>", "")
    return re.sub(r"^<p>(.*)</p>\n?$", r"\1", html, flags=re.S) if html.count("<p>") == 1 else html


def mathml(latex: str, display: str = "inline") -> str:
    r"""Turn LaTeX into MathML, or fail.

    Parameters
    ----------
    latex : str
        Without the dollar signs.
    display : {"inline", "block"}
        Whether it stands in a line or by itself.

    Returns
    -------
    str
        An element ``<math>``.

    Raises
    ------
    Exception
        Whatever the converter stumbles over.

    Examples
    --------
    >>> mathml("x^2")[:40]
    '<math xmlns="http://www.w3.org/1998/Math'
    """
    for pattern, known in _KNOWN:
        latex = pattern.sub(known, latex)
    found = re.sub(r"\\(?=[%_$#{}&])", "", convert(latex, display=display))
    if "\\" in found:
        raise ValueError("the converter does not know all of it")
    return _VARIANT.sub(_in_letters, found)


def _in_letters(found: re.Match[str]) -> str:
    """Write letters of another kind as such: no browser of today draws them by `mathvariant`."""
    kind = re.sub("-(?!struck|serif)", " ", found[1]).upper()
    letters = ""
    for letter in unescape(found[2]):
        name = re.sub("LATIN |GREEK |LETTER ", "", unicodedata.name(letter, ""))
        letters += _letter(f"MATHEMATICAL {kind} {name}") or _letter(f"{kind} {name}") or letter
    return found[0] if letters == unescape(found[2]) else f">{letters}<"


def _letter(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return ""


def formula(latex: str, display: str = "inline") -> str:
    """Turn LaTeX into MathML, which browsers draw by themselves.

    Parameters
    ----------
    latex : str
        Without the dollar signs.
    display : {"inline", "block"}
        Whether it stands in a line or by itself.

    Returns
    -------
    str
        HTML; what cannot be converted is shown as it is.
    """
    try:
        return mathml(latex, display)
    except Exception:  # the converter raises whatever it stumbles over; the source is readable
        return f"<code>{escape(latex)}</code>"


def _find_formula(pattern: re.Pattern[str], state: StateInline, silent: bool) -> bool:
    """Find a formula at a place of a text: a rule of markdown-it."""
    if _is_escaped(state.src, state.pos):  # first: each match may go on to the end
        return False
    found = pattern.match(state.src, state.pos)
    if not found or not _is_formula(found):
        return False
    if not silent:
        token = state.push("formula", "", 0)
        kind = next(name for name, text in found.groupdict().items() if text)
        token.content = found[kind]
        token.info = "inline" if kind in ("inline", "round") else "block"
    state.pos = found.end()
    return True


def _is_escaped(text: str, at: int) -> bool:
    """Whether a backslash belongs to the dollar sign at a place, and not to another backslash."""
    start = at
    while text[at] == "$" and text[max(0, start - 1) : start] == "\\":
        start -= 1
    return (at - start) % 2 == 1


def _is_formula(found: re.Match[str]) -> bool:
    """Whether what stands between dollar signs is a formula: `$5 and $7` is none."""
    text = found.groupdict()["inline"]
    if text is None:
        return True
    if _PROSE.search(text):
        return False
    if re.search(r"\\[a-zA-Z{}]|\^", text):  # only LaTeX has these
        return True
    start, end = found.span()
    before, after = found.string[max(0, start - 1) : start], found.string[end : end + 1]
    of_price = before.isascii() and before.isalpha()  # US$ = A$
    if (loose := _LOOSE.fullmatch(text)) and not (of_price and loose["equation"]):
        return True
    if of_price and text.startswith("="):
        return False
    return text == text.strip() and not any(map(str.isdigit, before + after))


def _find_verbatim(state: StateInline, silent: bool) -> bool:
    """Find code in HTML, in which nothing is a formula: a rule of markdown-it."""
    found = _VERBATIM.match(state.src, state.pos)
    if not found:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _parser(preset: str, formulas: str) -> MarkdownIt:
    parser = MarkdownIt(preset, {"html": True})
    find = partial(_find_formula, re.compile(formulas, re.S))
    parser.inline.ruler.before("escape", "formula", find)
    parser.inline.ruler.before("escape", "verbatim", _find_verbatim)
    parser.add_render_rule("formula", _render_formula)
    parser.add_render_rule("html_inline", _render_tag)
    return parser


def _render_formula(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    return formula(tokens[i].content.strip(), tokens[i].info)


def _render_tag(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    """Return a tag; as text, if it is none that is known: "x<y and y>z"."""
    tag = tokens[i].content
    if picture := _PICTURE.fullmatch(tag):
        given = {name.lower(): a or b or c for name, a, b, c in _GIVEN.findall(picture[1])}
        if "src" in given:
            return _link(unescape(given["src"]), unescape(given.get("alt", "")))
    return "" if tag.startswith("<!--") else _NO_TAG.sub("&lt;", tag)


def _render_picture(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    return _link(tokens[i].attrs["src"], tokens[i].content)


def _link(address: str, words: str) -> str:
    """Return a link in place of a picture: what a page loads tells who reads it."""
    return f'<a href="{escape(address)}">{escape(words or "picture")}</a>'


def _render_text(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    return escape(tokens[i].content.replace("\\$", "$"), quote=False)


def _render_break(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    beside = [*tokens[max(0, i - 1) : i], *tokens[i + 1 : i + 2]]
    return "\n" if any(token.type == "html_inline" for token in beside) else "<br>"


def _render_backticks(_: RendererHTML, tokens: Any, i: int, *__: Any) -> str:
    """Return code between backticks as JupyterQuiz shows it: with them."""
    return tokens[i].markup + escape(tokens[i].content, quote=False) + tokens[i].markup


_MARKDOWN = _parser("commonmark", _DOLLARS).enable("table").disable(["html_block", "code"])
_MARKDOWN.add_render_rule("image", _render_picture)
# JupyterQuiz knows of Markdown nothing but links. A line break stays one, except between tags.
_TEXT = _parser("zero", f"{_DOLLARS}|{_BRACKETS}|{_ENVIRONMENT}").enable(
    ["autolink", "backticks", "entity", "html_inline", "link", "newline"]
)
_TEXT.add_render_rule("text", _render_text)
_TEXT.add_render_rule("softbreak", _render_break)
_TEXT.add_render_rule("hardbreak", _render_break)
_TEXT.add_render_rule("code_inline", _render_backticks)


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
    parts, count = "".join(map(question, quiz.questions)), len(quiz.questions)
    return (
        f'<section aria-label="Quiz: {escape(quiz.title)}"><p><strong>{escape(quiz.title)}</strong>'
        f" – {count} question{'' if count == 1 else 's'}</p><ol>{parts}</ol></section>"
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
        f'<li style="margin-bottom:1em"><div>{body}</div>'
        f"<details><summary>Answer</summary>{_solution(question)}"
        f"{rich(question.explanation, question.format)}</details></li>"
    )


def guess(question: GuessQuestion) -> str:
    """Return a question to guess as HTML that needs no script; it holds no answer.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        The question.

    Returns
    -------
    str
    """
    prompt = rich(question.prompt, "markdown")
    parts = question.labels if question.kind == "choice" else question.parts
    listed = "".join(f"<li>{escape(part)}</li>" for part in parts if part)
    numbers = "a number" if len(question.parts) == 1 else "a number for each"
    between = f"from {question.write(question.low)} to {question.write(question.high)}"
    wanted = "one of these" if question.kind == "choice" else f"{numbers}, {between}"
    unit = f", {escape(question.unit)}" if question.unit else ""
    return (
        f'<section aria-label="Guess before you measure"><p><strong>Guess first:</strong> {prompt}'
        f"</p><p>Your guess{unit}: {wanted}.</p>{f'<ul>{listed}</ul>' if listed else ''}</section>"
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
        The code; it is escaped. Where all of it is already, as JupyterQuiz wants it, it is so once.

    Returns
    -------
    str
        Empty for no code.

    Examples
    --------
    >>> code("x < 1") == code("x &lt; 1") == "<pre><code>x &lt; 1</code></pre>"
    True
    """
    plain = text if _RAW.search(text) else _ENTITY.sub(lambda found: unescape(found[0]), text)
    return f"<pre><code>{escape(plain)}</code></pre>" if text else ""


def _solution(question: Question) -> str:
    if question.type == "order":
        listed = "".join(f"<li>{rich(item, question.format)}</li>" for item in question.items)
        return f"<ol>{listed}</ol>"
    right = [a for a in question.answers if a.get("correct")]
    if not right:
        return f"<p>{'None of these' if question.type in CHOICES else 'None is given'}.</p>"
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
