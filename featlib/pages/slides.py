"""Slides for a talk: the notebooks as reveal.js pages that stand alone and need no network.

Which cell begins a slide is decided by rules, from what the cell holds and how high it will be.
`arrange` writes the decision into the notebook, as the ``slideshow`` metadata that Jupyter knows;
`export` follows it, and breaks what is too high for one page into several.

The notebook may be a stranger's. Of its HTML only what `featlib.pages.safe_html.clean` knows to be
safe is shown; scripts in it are left out; and a Content-Security-Policy forbids the page all but
its own three scripts and what lies in it as data.
"""

import base64
import json
import re
import struct
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

from nbconvert.exporters import SlidesExporter
from nbconvert.filters import ansi2html, strip_ansi
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbformat.v4.rwbase import rejoin_lines
from nbformat.validator import iter_validate

from featlib import checks
from featlib.engine.paths import bundled
from featlib.engine.words import describe, printable, reason, say_once
from featlib.pages import reveal
from featlib.pages.quiz_pages import Form, find_form
from featlib.pages.rendering import TEMPLATES, write_page
from featlib.pages.safe_html import clean
from featlib.quiz.html import formula

__all__ = ["arrange", "export", "find_notebooks", "html"]

ENDING = ".slides.html"
KINDS = ("slide", "subslide", "fragment", "skip", "notes", "-")

# Heights in pixels of a page of 1280×720, as templates/slides.css lays it out.
ROOM = 630
FIGURE = (220, 330)  # the least and the most that a figure asks for; it takes all that is left
TALL = 460  # what a figure asks for that is higher than wide
FIGURE_WIDTH = 690  # the width at which that height is measured
PROSE, PROSE_WIDTH = 40, 80  # one line, and its characters
CODE, CODE_WIDTH = 28, 94
ROW = 40  # of a table
LONG_CODE = 21  # lines; longer code is told, not shown
LONG_PROSE = 40  # words

# What a page shows of an output.
SHOWN = ("text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain")
MANY_COLORS = 1000  # changes of color in what was printed; with more, it is shown without

_ELSEWHERE = "Choose another folder."
_LINKS = re.compile(r"(\*About [^*]+\*)?(\s|·|\[[^\]]*\]\([^)]*\))+")


def arrange(notebook: NotebookNode) -> NotebookNode:
    """Write into each cell where it is in a talk, as ``slideshow`` metadata.

    A heading begins a slide; what no longer fits begins a subslide; links to other notebooks are
    skipped; imports, long code and long prose become notes of the speaker.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Changed in place.

    Returns
    -------
    nbformat.NotebookNode

    Raises
    ------
    featlib.FeatlibError
        If it is no notebook of format 4.
    """
    pieces = _paginate(_cells(notebook, "slides.arrange"), arranged=False)
    kinds = [kind for _, number, _, kind in pieces if number == 0]
    for cell, kind in zip(notebook["cells"], kinds, strict=True):
        cell["metadata"]["slideshow"] = {"slide_type": kind}
    return notebook


def html(notebook: NotebookNode | dict[str, Any], title: str = "Slides") -> str:
    """Return a notebook as one HTML page of slides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode or dict
        With or without ``slideshow`` metadata; without, `arrange`'s rules hold.
    title : str
        The page's title.

    Returns
    -------
    str
        Styles, scripts and figures are inside it; it needs no other file. Nothing that the notebook
        brings along runs, or is asked of the network.

    Raises
    ------
    featlib.FeatlibError
        If it is no notebook of format 4, or has nothing to show.
    """
    given = _cells(notebook, f"slides of '{title}'")
    arranged = any("slideshow" in cell.metadata for cell in given)
    cells, heading = [], ""
    for _, _, piece, kind in _paginate(given, arranged):
        if piece.cell_type == "markdown" and kind not in ("skip", "notes"):
            heading = _heading(piece.source) or heading
        piece.metadata["slideshow"] = {"slide_type": kind}
        if kind in ("slide", "subslide") and not _heading(piece.source):
            piece.metadata["running"] = piece.metadata.get("form", heading)
        cells.append(piece)
    shown = [piece for piece in cells if piece.metadata.slideshow.slide_type != "skip"]
    if not any(piece.metadata.slideshow.slide_type != "notes" for piece in shown):
        checks.refuse(f"slides of '{title}'", "at least one cell to show", "none", "Add a heading.")
    # A mark of our own scripts, which the notebook cannot know: it hangs on all that is in it.
    content = repr([title, *((piece.source, piece.get("outputs")) for piece in shown)])
    resources = {"title": title, **reveal.parts(content, ["slides.css"], "slides.js")}
    body, _ = _exporter().from_notebook_node(new_notebook(cells=shown), resources)
    return reveal.without_controls(body)


def export(path: str | Path, folder: str | Path = "lesson-slides") -> Path:
    """Write the slides of a notebook.

    Parameters
    ----------
    path : str or pathlib.Path
        The notebook.
    folder : str or pathlib.Path
        Made if there is none.

    Returns
    -------
    pathlib.Path
        ``NAME.slides.html``: one file that any browser opens; it needs no network.

    Raises
    ------
    featlib.FeatlibError
        If there is no such file, it is no notebook of format 4, it has nothing to show or was never
        run, or the folder cannot be written.

    Notes
    -----
    Where a part of it was never run, or stopped with an error, a warning says so.
    """
    path = checks.file(path, "slides.export", "a notebook")
    folder = checks.output_folder(folder, "slides.export", "the slides")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8-sig"))
        if not isinstance(notebook, dict):
            raise ValueError(describe(notebook))
    except (OSError, ValueError, RecursionError) as error:
        wanted, fix = f"a notebook at '{path}'", "Open it in JupyterLab to see whether it is one."
        checks.refuse("slides.export", wanted, reason(error), fix)
    text = html(notebook, path.stem)
    code = [
        c for c in notebook["cells"] if c["cell_type"] == "code" and "".join(c["source"]).strip()
    ]
    if code and not any(cell["outputs"] or cell["execution_count"] for cell in code):
        fix = "Open it in JupyterLab, choose Run > Run All Cells, and save it."
        checks.refuse("slides.export", f"what the code of '{path}' shows", "no outputs", fix)
    if missing := _missing(code):
        say_once(f"slides: '{path}': {missing}. In JupyterLab: Run > Run All Cells, and save it.")
    return write_page(text, folder / f"{path.stem}{ENDING}", "slides.export", _ELSEWHERE)


def find_notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Find notebooks by the beginning of their names.

    Parameters
    ----------
    names : sequence of str
        Each the beginning of a name, such as ``"03"``, or the path of a notebook; all notebooks of
        the lesson if empty.

    Returns
    -------
    list of pathlib.Path
        In the order of the names, none twice.

    Raises
    ------
    featlib.FeatlibError
        If a name fits no notebook.
    """
    lesson = sorted(bundled("notebooks").glob("*.ipynb"))
    found = []
    for name in names or [""]:
        own = checks.path(name or ".", "featlib slides", "a notebook")
        fitting = [p for p in lesson if p.name.startswith(Path(name).name)]
        if own.suffix == ".ipynb" and own.is_file():
            fitting = [own]
        if not fitting:
            known = ", ".join(path.stem for path in lesson)
            wanted = f"the beginning of one of {known}, or a file .ipynb"
            checks.refuse("featlib slides", wanted, f"'{name}'", "Check the name.")
        found += fitting
    return list(dict.fromkeys(found))


def _missing(code: Sequence[dict[str, Any]]) -> str:
    """Say what of a notebook's code has nothing to show; nothing where all of it was run."""
    never = sum(not (cell["outputs"] or cell["execution_count"]) for cell in code)
    if never:
        return f"{never} of {len(code)} code cells {'was' if never == 1 else 'were'} never run"
    if code and not any(cell["outputs"] for cell in code):
        return "no code cell shows anything"
    stops = [
        str(output.get("ename"))
        for cell in code
        if "raises-exception" not in cell["metadata"].get("tags", ())
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]
    return f"a cell stopped with {printable(stops[0])}" if stops else ""


def _cells(notebook: NotebookNode | dict[str, Any], where: str) -> list[NotebookNode]:
    """Return the cells of a notebook; refuse one that is not as the format says."""
    fix = "Pass what nbformat.read(path, as_version=4) returns."
    checks.instance(notebook, dict, where, "a notebook", fix)
    again = "Open it in JupyterLab and save it: that writes format 4."
    if notebook.get("nbformat") != 4:
        got = describe(notebook.get("nbformat", "nothing")).removeprefix("int ")
        checks.refuse(where, "a notebook of format 4", got, again)
    # Identities of cells, which came with format 4.5, have no part in slides.
    faults = iter_validate(notebook, version=4, version_minor=4, relax_add_props=True)
    try:
        for fault in faults:
            raise ValueError(f"{'/'.join(map(str, fault.path))}: {reason(fault)}")
        return rejoin_lines(from_dict(notebook)).cells
    except (RecursionError, ValueError) as error:
        checks.refuse(where, "a notebook as its format says", reason(error), again)


def _paginate(
    cells: Sequence[NotebookNode], arranged: bool
) -> Iterator[tuple[NotebookNode, int, NotebookNode, str]]:
    """Yield each piece of each cell with its kind: cell, number of the piece, piece, kind.

    If `arranged`, the first piece of a cell is of the kind that the cell's metadata say.
    """
    pieces = [
        (cell, number, piece)
        for place, cell in enumerate(cells)
        for number, piece in enumerate(_pieces(cell, cells[place + 1 : place + 2]))
    ]
    used: float | None = None  # pixels on this page; None before the first
    for place, (cell, number, piece) in enumerate(pieces):
        need = _height(piece)
        if arranged and number == 0:
            found = cell.metadata.get("slideshow")
            kind = found.get("slide_type") if isinstance(found, dict) else None
            kind = kind if kind in KINDS else "-"
        else:
            kind = _fixed_kind(piece)
            if kind is None:
                # Words that lead to code or a figure stay with it.
                together = need + sum(
                    _height(following)
                    for _, _, following in pieces[place + 1 : place + 2]
                    if _leads_to(piece, following)
                )
                wanted = together if together <= ROOM else need
                fits = used is not None and used + wanted <= ROOM
                kind = "-" if fits else "subslide"
        if used is None and kind in ("subslide", "-"):
            kind = "slide"
        before = 0 if used is None or kind in ("slide", "subslide") else used
        if kind not in ("skip", "notes"):
            used = before + need
        yield cell, number, piece, kind


def _fixed_kind(piece: NotebookNode) -> str | None:
    """Return the kind of a piece that has the same kind at every place, else None."""
    hint = piece.metadata.get("kind")
    if hint:
        return hint
    if piece.cell_type == "raw":
        return "skip"
    if piece.cell_type == "markdown":
        if not piece.source.strip() or _LINKS.fullmatch(piece.source.strip()):
            return "skip"
        if _prose_height(piece.source) > 2 * ROOM:  # such as a glossary: to be read, not shown
            return "notes"
        if _heading(piece.source):
            return "slide"
        plain = not re.search(r"^[ \t]*([-*>|]|\d+\.)\s|\*\*|\]\(", piece.source, re.MULTILINE)
        return "notes" if plain and len(piece.source.split()) > LONG_PROSE else None
    if not piece.outputs:
        setup = re.match(r"(import|from) ", piece.source)
        if setup or len(piece.source.splitlines()) > LONG_CODE:
            return "notes"
    return None


def _leads_to(piece: NotebookNode, following: NotebookNode) -> bool:
    """Whether a piece is words before code or a figure, or code before what it printed."""
    if following.cell_type != "code" or _fixed_kind(following):
        return False
    return piece.cell_type == "markdown" or not (following.source or _figure(following))


def _pieces(cell: NotebookNode, following: Sequence[NotebookNode]) -> list[NotebookNode]:
    """Break a cell into what may stand on pages of its own."""
    if cell.cell_type == "markdown":
        parts = re.split(r"^(?=#{1,3} )", _shown(cell.source), flags=re.MULTILINE)
        pieces = [new_markdown_cell(part.strip()) for part in parts if part.strip()]
        if pieces and following and _form(following[0]):  # the quiz has its own title
            pieces[-1].metadata["kind"] = "skip"
        return pieces or [new_markdown_cell("")]
    # The tag is one that Jupyter Book knows, too.
    if cell.cell_type != "code" or "remove-cell" in cell.metadata.get("tags", ()):
        return [new_markdown_cell("", metadata={"kind": "skip"})]
    if form := _form(cell):
        return _pages_of_form(form)
    pieces = []
    if cell.source.strip():
        drawing = re.match(r"plots\.\w+\(", cell.source) and cell.outputs
        hint = {"kind": "notes"} if drawing else {}
        pieces.append(new_code_cell(cell.source, metadata=hint))
    outputs = [output for output in map(_output, cell.outputs) if output.get("data") != {}]
    # A whole HTML document, or one with a title of its own, is to be opened by itself.
    alone = re.compile(r"\s*<(!doctype|html)|.*?<h1\b", re.I | re.S)
    shown = [o for o in outputs if not alone.match(_html_of(o))]
    pieces += [new_code_cell("", outputs=[output]) for output in shown]
    if pieces and pieces[0].source and len(pieces) == 2 and not drawing:
        code, output = pieces
        if not _fixed_kind(code) and _height(code) + _height(output) <= ROOM:
            code.outputs = output.outputs
            pieces = [code]
    if pieces and _fixed_kind(pieces[0]) == "notes" and _is_setup(cell):
        for piece in pieces:
            piece.metadata["kind"] = "notes"
    return pieces or [new_markdown_cell("", metadata={"kind": "skip"})]


def _is_setup(cell: NotebookNode) -> bool:
    return bool(re.match(r"(import|from) ", cell.source)) and not any(map(_is_figure, cell.outputs))


def _form(cell: NotebookNode) -> Form | None:
    return find_form(cell.get("outputs", ()))


def _pages_of_form(form: Form) -> list[NotebookNode]:
    pieces = []
    for number, body in enumerate(form.pages):
        output = new_output("display_data", {"text/html": body})
        hint = {"kind": "subslide" if number else "slide", "form": form.name}
        pieces.append(new_code_cell("", outputs=[output], metadata=hint))
    return pieces


def _shown(source: str) -> str:
    """Return Markdown as slides show it: links lead to slides, formulas are MathML."""
    paragraphs = re.split(r"\n\s*\n", source)
    kept = [
        text for text in paragraphs if not _LINKS.fullmatch(text.strip()) or len(paragraphs) < 2
    ]
    text = "\n\n".join(kept)
    text = re.sub(r"\]\((?:\./)?([\w-]+)\.ipynb(#[^)\n]*)?\)", rf"](\1{ENDING})", text)
    return re.sub(r"(`[^`]*`)|\$([^$\n]+)\$", _formula, text)


def _formula(found: re.Match[str]) -> str:
    return found[1] or clean(formula(found[2]))


def _heading(source: str) -> str:
    found = re.match(r"#{1,3} +(.+)", source)
    return found[1].strip() if found else ""


def _height(piece: NotebookNode) -> float:
    """Estimate the pixels that a piece takes on a page."""
    if piece.cell_type == "markdown":
        return _prose_height(piece.source)
    lines = piece.source.splitlines()
    return (CODE * len(lines) + 40 if lines else 0) + sum(map(_output_height, piece.outputs))


def _prose_height(source: str) -> int:
    height = 0
    for block in filter(None, map(str.strip, re.split(r"\n\s*\n", source))):
        if _heading(block):
            _, _, block = block.partition("\n")
            height += 80
        lines = block.splitlines()
        if block.startswith("|"):
            height += ROW * (len(lines) - 1) + 20
        elif any(re.match(r"\s*([-*]|\d+\.) ", line) for line in lines):
            height += sum(PROSE * _wrapped(line, PROSE_WIDTH) for line in lines) + 20
        elif block.startswith(">"):
            height += 2 * PROSE * _wrapped(block, PROSE_WIDTH)
        elif block:
            height += PROSE * _wrapped(" ".join(lines), PROSE_WIDTH) + 20
    return height


def _output_height(output: NotebookNode) -> float:
    if _is_figure(output):
        aspect = _aspect(output)
        return TALL if aspect > 1 else min(max(FIGURE[0], FIGURE_WIDTH * aspect), FIGURE[1])
    if text := _html_of(output):
        return ROW * max(1, text.count("<tr")) + (60 if "<caption" in text else 20)
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return CODE * sum(_wrapped(line, CODE_WIDTH) for line in text.splitlines()) + 30


def _wrapped(line: str, width: int) -> int:
    return max(1, -(-len(line) // width))


def _figure(piece: NotebookNode) -> bool:
    return any(map(_is_figure, piece.get("outputs", ())))


def _is_figure(output: NotebookNode) -> bool:
    return any(kind.startswith("image/") for kind in output.get("data", {}))


def _aspect(output: NotebookNode) -> float:
    """Return height / width of a PNG, from its header; a common value for any other figure."""
    try:
        header = base64.b64decode(output.data.get("image/png", "")[:32])
    except ValueError:  # no base64
        header = b""
    if len(header) < 24 or header[:4] != b"\x89PNG":
        return 0.6
    width, height = struct.unpack(">II", header[16:24])
    return height / max(width, 1)


def _html_of(output: NotebookNode) -> str:
    return "" if _is_figure(output) else output.get("data", {}).get("text/html", "")


def _output(output: NotebookNode) -> NotebookNode:
    """Return an output with no more than a page can show, and the alternative text of a figure."""
    if "data" not in output:
        return output
    data = {kind: output.data[kind] for kind in SHOWN if isinstance(output.data.get(kind), str)}
    metadata = {}
    for kind in data:
        about = output.metadata.get(kind)
        if isinstance(about, dict) and isinstance(about.get("alt"), str):
            metadata[kind] = {"alt": about["alt"]}
    return new_output("display_data", data, metadata=metadata)


def _exporter() -> SlidesExporter:
    """Return nbconvert's exporter with filters that no text of a notebook makes fail or hang."""
    exporter = SlidesExporter(template_file=str(TEMPLATES / "slides.html.j2"))
    for name, function in (("prose", reveal.prose), ("printed", _printed), ("clean", clean)):
        exporter.register_filter(name, function)
    return exporter


def _printed(text: str) -> str:
    try:
        return ansi2html(text if text.count("\x1b") < MANY_COLORS else strip_ansi(text))
    except Exception:  # the converter stumbles over half a color
        return escape(strip_ansi(text))
