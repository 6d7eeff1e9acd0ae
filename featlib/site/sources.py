"""What Sphinx reads: the notebooks, the pages of docs/, and the pages that are made here."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from featlib import plots, quiz, web
from featlib.engine.paths import PACKAGE, bundled
from featlib.pages.rendering import json_script
from featlib.pages.slides import ENDING
from featlib.pages.talk_plans import names as talk_names
from featlib.site import addresses, elsewhere, measured, reference
from featlib.site.live import Page, below, live
from featlib.widgets.lab import show_lab
from featlib.widgets.my_picture import MyPictureWidget
from featlib.widgets.own_images import OwnImagesWidget

__all__ = ["Source", "site_script", "template", "write"]

_TEMPLATES = Path(__file__).parent / "templates"
_LINKS_ONLY = re.compile(r"(\s|·|\[[^\]]*\]\([^)]*\))+")
_GLOSSARY = "12-19"  # the cell of the glossary, in 12
_PROOF = "00-proof"  # the guess whose truth are the three numbers of the front page
_FIRST = "source_quiz"  # the first question of this quiz is asked on the front page
_RUN = Path(__file__).with_name("lab_run.json")  # questions on the run that a visitor made
_MADE = ("index", "lab", "own-pictures", "cheat-sheet", "slides")  # the templates


@dataclass
class Source:
    """What was written for Sphinx.

    Attributes
    ----------
    folder : pathlib.Path
        Where.
    pages : dict of str to Page
        The notebooks, by the names of their pages.
    blocks : set of str
        The blocks that the site needs.
    """

    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)
    blocks: set[str] = field(default_factory=set)

    def catalog(self) -> dict[str, dict[str, Any]]:
        """Return what can be answered on each page, for the progress at the side.

        Returns
        -------
        dict of str to dict
            The title, the address, and the keys of questions, of questions to guess, and of what
            asks for each objective.
        """
        return {
            name: {
                "title": page.title,
                "href": f"{name}.html",
                "answers": list(dict.fromkeys(page.answers)),
                "guesses": page.guesses,
                "objectives": page.objectives,
            }
            for name, page in self.pages.items()
        }

    def add(self, name: str, page: Page) -> None:
        """Take a notebook in.

        Parameters
        ----------
        name : str
            Of its page, such as ``"lesson/00_start_here"``.
        page : Page
            The notebook.
        """
        self.pages[name] = page
        self.blocks |= page.blocks


def template(name: str) -> Template:
    """Return a template of the site; it needs a value for each name in it.

    Parameters
    ----------
    name : str
        Of a file in ``templates``.

    Returns
    -------
    jinja2.Template
    """
    environment = Environment(loader=FileSystemLoader(_TEMPLATES), undefined=StrictUndefined)
    return environment.get_template(name)


def site_script(pages: Mapping[str, Any]) -> str:
    """Return the script of a page's frame: progress at the side, keys, what was done so far.

    Parameters
    ----------
    pages : dict of str to dict
        As `Source.catalog` returns them.

    Returns
    -------
    str
        JavaScript, for a file or for a ``<script>``.
    """
    script = Path(__file__).with_name("static") / "site.js"
    return f"const PAGES = {json_script(pages)};\n{script.read_text(encoding='utf-8')}"


def write(folder: Path, tick: Callable[[], object]) -> Source:
    """Write all that Sphinx reads.

    Parameters
    ----------
    folder : pathlib.Path
        An empty folder.
    tick : callable
        Called after each notebook.

    Returns
    -------
    Source

    Raises
    ------
    featlib.FeatlibError
        If a notebook holds what cannot be shown.
    """
    source = Source(folder)
    paths = sorted(bundled("notebooks").glob("*.ipynb"))
    documents = _documents()
    pages = {f"notebooks/{path.name}": f"lesson/{path.name}" for path in paths}
    pages |= {name: f"{page}.md" for name, (page, _) in documents.items()}
    pages |= {
        "README.md": "index.md",
        "notebooks/README.md": "index.md",
        "notebooks/cheat_sheet.html": "cheat-sheet.md",
    }
    known = measured.load()
    (folder / "lesson").mkdir()
    for path in paths:
        notebook = nbformat.read(path, as_version=4)
        if path.stem.startswith(_GLOSSARY[:2]):
            glossary = _glossary(notebook, path.name, pages)
        page = live(_arranged(notebook, path.name, pages), known.get(path.stem, {}), _SHOWS)
        nbformat.write(page.notebook, folder / "lesson" / path.name)
        source.add(f"lesson/{path.stem}", page)
        tick()
    for name, (page, path) in documents.items():
        text = addresses.rewritten(path.read_text(encoding="utf-8"), name, pages)
        _write(folder / f"{page}.md", text)
    _write(folder / "glossary.md", glossary)
    for name, text in reference.pages().items():
        _write(folder / name, text)
    for name, text in _made(source, [page for page, _ in documents.values()]).items():
        _write(folder / name, text)
    return source


# Each stands on a page of its own and in a notebook.
_SHOWS: dict[str, Callable[[], dict[str, Any]]] = {
    "lab": cache(lambda: web.data(_lab())),
    "own_images": cache(lambda: web.data(OwnImagesWidget())),
    "my_picture": cache(lambda: web.data(MyPictureWidget())),
}
_lab = cache(show_lab)


def _documents() -> dict[str, tuple[str, Path]]:
    """Return the page and the file of each Markdown file, by its place in the repository."""
    docs = bundled("docs")
    found = {f"docs/{path.name}": (path.stem, path) for path in sorted(docs.glob("*.md"))}
    found.pop("docs/CHANGELOG.md", None)
    changes = docs / "CHANGELOG.md"  # in the wheel it lies among the others
    return found | {
        "notebooks/INSTRUCTOR.md": ("guide", bundled("notebooks") / "INSTRUCTOR.md"),
        "quizzes/README.md": ("quizzes", bundled("quizzes") / "README.md"),
        "CHANGELOG.md": (
            "changelog",
            changes if changes.is_file() else PACKAGE.parent / "CHANGELOG.md",
        ),
    }


def _arranged(notebook: NotebookNode, name: str, pages: dict[str, str]) -> NotebookNode:
    """Return a notebook without what is for a notebook alone, and with links between pages."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            if _LINKS_ONLY.fullmatch(cell.source.strip()):
                continue  # the page itself leads on and back
            text = addresses.rewritten(cell.source, f"notebooks/{name}", pages)
            cell.source = f"({addresses.cell_label(cell.id)})=\n\n{text}"
        else:
            for output in cell.outputs:
                data = output.get("data", {})
                if "text/html" in data:
                    where = f"notebooks/{name}"
                    text = data["text/html"]
                    data["text/html"] = addresses.rewritten(text, where, pages, html=True)
        cells.append(cell)
    cells.insert(1, new_markdown_cell(_elsewhere(name.removesuffix(".ipynb"))))
    notebook.cells = cells
    notebook.metadata.pop("widgets", None)
    return notebook


def _elsewhere(name: str) -> str:
    """Return a line with where the notebook runs, or is to be had."""
    places = elsewhere.links(name) | {"download": f"../_static/{name}.ipynb"}
    links = " ".join(f'<a href="{escape(at)}">{place}</a>' for place, at in places.items())
    return f'<p class="featlib-elsewhere">To run and change the code: {links}</p>'


def _glossary(notebook: NotebookNode, name: str, pages: dict[str, str]) -> str:
    (cell,) = (cell for cell in notebook.cells if cell.id == _GLOSSARY)
    here = pages | {f"notebooks/{name}": f"lesson/{name}"}
    text = cell.source.replace("## Glossary", "# Glossary", 1)
    return addresses.rewritten(text, "notebooks/glossary.md", here)


def _made(source: Source, documents: Iterable[str]) -> dict[str, str]:
    """Return the pages that are made here, by their names."""
    first = quiz.Quiz("front", "Try one", {}, quiz.load(_FIRST).questions[:1])
    shares = measured.load()["00_start_here"]["guesses"][_PROOF]
    front, lab, own = (Page(NotebookNode(cells=[])) for _ in range(3))
    facts = {
        "alt": plots.strategy().alt,
        "question": front.embed("quiz", web.data(first)),
        "shares": [f"{share:.1%}" for share in shares],
        "lesson": list(source.pages),
        "titles": {name: page.title for name, page in source.pages.items()},
        "documents": list(documents),
        "sheet": below(_cheat_sheet(), 1),
        "ending": ENDING,
        "talks": talk_names(),
        "lab": lab.embed("lab", _SHOWS["lab"]()),
        "run": lab.embed("quiz", web.data(quiz.load(_RUN), _lab())),
        "mine": own.embed("my_picture", _SHOWS["my_picture"]()),
        "own": own.embed("own_images", _SHOWS["own_images"]()),
    }
    for page in (front, lab, own):
        source.blocks |= page.blocks
    return {f"{name}.md": template(f"{name}.md.j2").render(facts) for name in _MADE}


def _cheat_sheet() -> str:
    """Return the sheet's style and content, without the page around it."""
    text = (bundled("notebooks") / "cheat_sheet.html").read_text(encoding="utf-8")
    return text[text.index("<style>") :]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
