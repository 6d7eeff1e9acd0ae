"""One deck for a whole talk, in the order of a plan, from the notebooks that it shows.

The notebooks are executed anew, with figures twice as sharp as in the notebooks, so every number of
the deck is what this machine measured. Headlines take their numbers from what cells print.
"""

import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import nbformat
from markupsafe import Markup
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from featlib import checks, quiz
from featlib.engine.paths import bundled
from featlib.engine.progress_bar import progress_bar
from featlib.engine.words import reason
from featlib.pages import reveal
from featlib.pages.rendering import render, write_page
from featlib.pages.safe_html import clean
from featlib.pages.talk_plans import Plan, Step, load_plan
from featlib.quiz import html as quiz_html
from featlib.quiz.html import rich

__all__ = ["execute", "export", "html", "saved"]

# Runs before a notebook: figures for the last row of a room, with twice the dots, large words. On a
# page, where a figure has about 1150×510 pixels, no word is smaller than 18, and none much larger
# than 30: words of a small figure leave room for its pictures. Each says how small its smallest
# words are.
_SHARP = """
from matplotlib.text import Text
from featlib.plots import style
style.STYLE |= {"figure.dpi": 200, "font.size": 15, "axes.titlesize": 16, "figure.titlesize": 17}
def _shown(figure, include=None, exclude=None, plain=style.Figure._repr_mimebundle_):
    figure.draw_without_rendering()
    words = [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()]
    width, height = figure.get_size_inches()
    least = 18.5 * 72 / min(1150 / width, 510 / height)
    for text in words:
        text.set(fontsize=min(max(text.get_fontsize(), least), 1.7 * least), wrap=True)
    data, about = plain(figure, include, exclude)
    sizes = [text.get_fontsize() * figure.dpi / 72 for text in words]
    about["image/png"]["smallest"] = round(min(sizes, default=100), 1)
    return data, about
style.Figure._repr_mimebundle_ = _shown
"""

_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


def export(name: str, folder: str | Path = "lesson-slides", *, as_saved: bool = False) -> Path:
    """Write the deck of a plan.

    Parameters
    ----------
    name : str
        One of `talk_plans.names`, such as ``"12"``, or the path of a plan of your own.
    folder : str or pathlib.Path
        Made if there is none.
    as_saved : bool
        Whether to show what the notebooks show already, at once, instead of executing them anew.

    Returns
    -------
    pathlib.Path
        ``talk-NAME.html``: one file that any browser opens; it needs no network.

    Raises
    ------
    featlib.FeatlibError
        If the plan is faulty or names what is not there, a notebook fails, or the folder cannot be
        written.
    """
    plan = load_plan(name)
    folder = checks.output_folder(folder, "talk.export", "the talk")
    paths = [_notebook(name) for name in plan.notebooks]
    notebooks = saved(paths) if as_saved else execute(paths)
    target = folder / f"talk-{Path(name).stem}.html"
    return write_page(html(plan, notebooks), target, "talk.export", "Choose another folder.")


def html(plan: Plan, notebooks: Iterable[NotebookNode]) -> str:
    """Return the deck of a plan as one page.

    Parameters
    ----------
    plan : Plan
        What to show.
    notebooks : iterable of nbformat.NotebookNode
        Those that it names, executed.

    Returns
    -------
    str
        Styles, scripts and figures are inside it; it needs no other file.

    Raises
    ------
    featlib.FeatlibError
        If the plan names a cell, a guess, a question or a fact that is not there.
    """
    cells = {cell.id: cell for notebook in notebooks for cell in notebook.cells if "id" in cell}
    facts = {name: _number(name, *fact, cells) for name, fact in plan.facts.items()}
    pages = []
    for step in plan.steps:
        length = (step.minutes[1] - step.minutes[0]) / max(len(step.pages), 1)
        for number, page in enumerate(step.pages):
            start = step.minutes[0] + number * length
            notes = [*(_told(step) if number == 0 else ()), page.say]
            pages.append({
                "headline": Markup(rich(_filled(page.headline, facts), "markdown")),
                "text": Markup(reveal.prose(_filled(page.text, facts))),
                "figures": [_output(_cell(cell, cells)) for cell in page.cells],
                "guess": _guess(page.guess),
                "answers": _guess(page.answers).get("id", ""),
                "question": _question(page.question),
                "notes": [Markup(reveal.prose(_filled(note, facts))) for note in notes if note],
                "minute": f"{start:.1f}".removesuffix(".0"),
                "seconds": round(60 * length),
                "share": f"{100 * (start + length) / plan.minutes:.1f}",
            })  # fmt: skip
    parts = reveal.parts(repr(pages), ["talk.css"], "talk.js")
    page = render(
        "talk.html.j2",
        title=plan.title,
        minutes=f"{plan.minutes:g}",
        pages=pages,
        policy=parts["policy"],
        nonce=parts["nonce"],
        styles=[Markup(style) for style in parts["styles"]],
        scripts=parts["scripts"],
    )
    return reveal.without_controls(page)


def execute(paths: Iterable[Path], progress: bool = True) -> list[NotebookNode]:
    """Execute notebooks with sharp figures, elsewhere: the files stay as they are.

    They find an empty data folder: no guess, answer or picture of the speaker gets into the deck.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        The notebooks.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    list of nbformat.NotebookNode

    Raises
    ------
    featlib.FeatlibError
        If one cannot be read, or a cell fails.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebooks = saved(paths)
    bar = progress_bar("executing", sum(len(n.cells) for n in notebooks), "cell", progress)
    with bar, tempfile.TemporaryDirectory() as folder:
        surroundings = os.environ | {"FEATLIB_DATA_DIR": folder, "TQDM_DISABLE": "1"}
        for notebook in notebooks:
            notebook.cells.insert(0, new_code_cell(_SHARP))
            client = NotebookClient(
                notebook,
                timeout=600,
                resources={"metadata": {"path": folder}},
                store_widget_state=False,
                extra_arguments=["--log-level=ERROR"],  # its sockets are on this machine alone
                on_cell_complete=lambda **_: bar.update(),
            )
            try:
                client.execute(env=surroundings)
            except CellExecutionError as error:
                _stopped(f"{error.ename}: {error.evalue}")
            except (DeadKernelError, CellTimeoutError) as error:
                _stopped(reason(error))
            del notebook.cells[0]
    return notebooks


def saved(paths: Iterable[Path]) -> list[NotebookNode]:
    """Read notebooks with the outputs that they were saved with.

    Parameters
    ----------
    paths : iterable of pathlib.Path
        The notebooks.

    Returns
    -------
    list of nbformat.NotebookNode

    Raises
    ------
    featlib.FeatlibError
        If one cannot be read.
    """
    found = []
    for path in paths:
        try:
            found.append(nbformat.read(path, as_version=4))
        except Exception as error:  # nbformat raises whatever it stumbles over
            checks.refuse(
                "talk", f"a notebook at '{path}'", reason(error), "Open it in JupyterLab."
            )
    return found


def _stopped(why: str) -> NoReturn:
    fix = "Open the notebook in JupyterLab and run it; or add --as-saved."
    checks.refuse("talk", "notebooks that run to their end", why, fix)


def _notebook(name: str) -> Path:
    own = Path(name)
    found = own if own.suffix == ".ipynb" else bundled("notebooks") / f"{name}.ipynb"
    return checks.file(found, "talk", "a notebook of the plan")


def _cell(name: str, cells: Mapping[str, NotebookNode]) -> NotebookNode:
    if name not in cells:
        fix = "Each cell's file has its id; the plan's notebooks must include the cell's."
        checks.refuse("talk", "the id of a cell in the plan's notebooks", f"'{name}'", fix)
    return cells[name]


def _told(step: Step) -> tuple[str, ...]:
    """Return what the plan says of a step: where, and what learners do, in a lesson; what to ask.

    A link leads to a place in the guide, so only its words stay.
    """
    happens = f"**{step.show}.** {step.happens}" if step.happens else ""
    return _LINK.sub(r"\1", happens), step.say


def _filled(text: str, facts: Mapping[str, float]) -> str:
    """Return a text with its facts in their places: ``{name:.0%}``, as `str.format` writes them."""
    try:
        return text.format_map(facts)
    except (KeyError, ValueError, IndexError, AttributeError) as error:
        known = ", ".join(facts) or "(none)"
        got = f"{reason(error)} in '{text}'"
        checks.refuse("talk", f"a text with the facts {known}", got, "Name it in the plan's facts.")


def _number(name: str, cell: str, pattern: str, cells: Mapping[str, NotebookNode]) -> float:
    printed = "\n".join(map(_printed, _cell(cell, cells).get("outputs", ())))
    found = re.search(pattern, printed)
    try:
        return float(found[1].replace(",", "")) if found else float("")
    except ValueError:
        wanted = f"the fact '{name}' in what cell {cell} shows"
        fix = f"It is looked for as {pattern}. If the cell was never run, leave --as-saved out."
        checks.refuse("talk", wanted, f"'{printed[:80]}'", fix)


def _printed(output: NotebookNode) -> str:
    return output.get("text") or output.get("data", {}).get("text/plain", "")


def _output(cell: NotebookNode) -> dict[str, Any]:
    """Return the last thing that a cell shows: a figure, a table, or what it printed."""
    for output in reversed(cell.get("outputs", ())):
        data = output.get("data", {})
        if "image/png" in data:
            about = output.metadata.get("image/png", {})
            source = "data:image/png;base64," + re.sub(r"[^\w+/=]", "", data["image/png"])
            words = str(about.get("alt", ""))
            return {"source": source, "alt": words, "smallest": about.get("smallest")}
        if "text/html" in data:
            return {"source": "", "html": Markup(clean(data["text/html"]))}
        if text := _printed(output):
            return {"source": "", "html": "", "printed": text}
    fix = "Leave --as-saved out: then the notebook is executed."
    checks.refuse("talk", f"what cell {cell.id} shows", "no output", fix)


def _guess(name: str) -> dict[str, Any]:
    if not name:
        return {}
    found = quiz.find_guess(name)
    sliders = [] if found.kind == "choice" else list(found.parts)
    return {
        "id": found.id,
        "prompt": Markup(rich(found.prompt, "markdown")),
        "unit": found.unit,
        "sliders": sliders,
        "choices": list(found.labels) if found.kind == "choice" else [],
        "low": found.low,
        "high": found.high,
        "step": found.step,
    }


def _question(name: str) -> dict[str, Any]:
    if not name:
        return {}
    file, _, identity = name.partition("/")
    by_id = {question.id: question for question in quiz.load(file).questions}
    checks.one_of(identity, "talk", f"a question of the quiz '{file}'", by_id)
    found = by_id[identity]
    return {
        "text": Markup(rich(found.text, found.format) + quiz_html.code(found.code)),
        "choices": [
            (Markup(quiz_html.choice(found, answer)), bool(answer.get("correct")))
            for answer in found.answers
            if "answer" in answer or "code" in answer
        ],
        "explanation": Markup(rich(found.explanation, found.format)),
    }
