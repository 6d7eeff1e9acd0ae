"""The site as a whole: written beside the folder that it is for, checked, then put in its place."""

import io
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nbconvert.filters import strip_ansi

from featlib import checks, plots, web
from featlib.engine.paths import bundled
from featlib.engine.progress_bar import progress_bar
from featlib.pages import slides, talk, talk_plans
from featlib.site import addresses

if TYPE_CHECKING:
    from tqdm import tqdm

    from featlib.site.sources import Source

__all__ = ["build"]

_WHERE = "featlib site"
_MARK = ".featlib-site"  # in a folder that was made here
_HERE = Path(__file__).parent
_NEEDED = ("sphinx", "myst_nb", "furo", "numpydoc")


def build(
    out: str | Path, single: str | Path | None = None, *, progress: bool = True
) -> tuple[Path, ...]:
    """Write the course as a static site, which needs no server, no network and no Python.

    Parameters
    ----------
    out : str or pathlib.Path
        The folder. It must be new, empty, or hold such a site, which is replaced.
    single : str or pathlib.Path, optional
        A file for notebooks 00 to 06 in one page, with all that they need in it.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    tuple of pathlib.Path
        The first page, and the single file if one was asked for.

    Raises
    ------
    featlib.FeatlibError
        If a package for it is missing, the folder holds something else or cannot be written, or
        something is wrong with a page: what Sphinx warns of, a link that leads nowhere, a picture
        without words, an error in a stored output.
    """
    _require()
    folder = _folder(out)
    file = None if single is None else checks.output_file(single, _WHERE, "the lesson in one file")
    from featlib.site import proof
    from featlib.site.single import single_page
    from featlib.site.sources import write

    folder.parent.mkdir(parents=True, exist_ok=True)
    notebooks = slides.find_notebooks()
    steps = 2 * len(notebooks)  # as sources, and as slides; those of Sphinx are added
    with (
        tempfile.TemporaryDirectory(prefix="_", suffix=".tmp", dir=folder.parent) as temporary,
        progress_bar("building", steps, "step", progress) as bar,
    ):
        source, static, site = (Path(temporary, name) for name in ("source", "static", "site"))
        source.mkdir()
        static.mkdir()
        written = write(source, bar.update)
        _static(written, static)
        _sphinx(source, static, site, bar)
        _decks(notebooks, site / "_static" / "decks", bar)
        proof.check(site)
        (site / _MARK).write_text("made by featlib site; replaced by it, too\n", encoding="utf-8")
        if file is not None:
            checks.write_files(
                {file: single_page(site, written).encode()}, _WHERE, "Choose another."
            )
        _replace(site, folder, Path(temporary, "before"))
    first = folder / "index.html"
    return (first,) if file is None else (first, file)


def _require() -> None:
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        fix = "Install it: pip install 'featlib[site]'."
        checks.refuse(_WHERE, "the packages that build a site", f"no {', '.join(missing)}", fix)


def _folder(out: str | Path) -> Path:
    """Return the folder, if it is new, empty, or made here."""
    folder = checks.output_folder(out, _WHERE, "the site")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        wanted = f"a folder that is new, empty, or a site of this command at '{folder}'"
        checks.refuse(_WHERE, wanted, "other files in it", "Choose another folder.")
    return folder


def _sphinx(source: Path, static: Path, site: Path, bar: "tqdm") -> None:
    """Let Sphinx write the pages; refuse what it warns of."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    said = io.StringIO()
    with patch_docutils(), docutils_namespace():
        app = Sphinx(
            str(source), str(_HERE), str(site), str(source.parent / "doctrees"), "html",
            {"html_static_path": [str(static)]}, status=None, warning=said,
        )  # fmt: skip
        bar.total += 2 * sum(1 for _ in source.rglob("*.*")) + 3  # index, modules, search
        app.connect("doctree-read", lambda *_: bar.update() and None)
        app.connect("html-page-context", lambda *_: bar.update() and None)
        try:
            app.build()
        except SphinxError as error:
            said.write(str(error))
    if words := strip_ansi(said.getvalue()).strip():
        fix = "Mend what is named: a notebook, a file of docs/, or a docstring."
        checks.refuse(_WHERE, "pages without a warning of Sphinx", words, fix)


def _static(written: "Source", folder: Path) -> None:
    """Write what the pages load and offer: widgets, blocks, the drawing, notebooks, the sheet."""
    from featlib.site.sources import site_script

    shutil.copy(_HERE / "static" / "site.css", folder)
    for file in (*slides.find_notebooks(), bundled("notebooks") / "cheat_sheet.html"):
        shutil.copy(file, folder)  # to download, and to print
    texts = {"site": site_script(written.catalog()), "featlib": web.script()}
    texts |= {f"featlib-{name}": web.block_script(name) for name in sorted(written.blocks)}
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    for name, dark in (("light", False), ("dark", True)):
        plots.strategy(dark=dark).savefig(folder / f"strategy-{name}.svg", transparent=True)


def _decks(notebooks: list[Path], folder: Path, bar: "tqdm") -> None:
    """Write the slides; what links to a notebook leads to its page."""
    here = "notebooks/a deck"
    pages = {f"notebooks/{path.name}": f"lesson/{path.name}" for path in notebooks}
    pages[here] = "_static/decks/a deck"
    for path in notebooks:
        deck = slides.export(path, folder)
        text = addresses.rewritten(deck.read_text(encoding="utf-8"), here, pages, html=True)
        deck.write_text(text, encoding="utf-8")
        bar.update()
    for name in talk_plans.names():
        talk.export(name, folder, as_saved=True)


def _replace(site: Path, folder: Path, before: Path) -> None:
    """Put the site in its place; what was there goes only once the new one is complete."""
    try:
        if folder.exists():
            os.replace(folder, before)
        os.replace(site, folder)
    except OSError as error:
        if before.exists() and not folder.exists():
            os.replace(before, folder)
        wanted = f"to put the site at '{folder}'"
        fix = "Close what has it open, and check your right to write there."
        checks.refuse(_WHERE, wanted, str(error), fix)
