"""What every notebook keeps to, whatever it teaches."""

import ast
import importlib
import inspect
import re
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import execute_notebooks as tool
import nbformat
import notebook_minutes
import pytest
from IPython.core.inputtransformer2 import TransformerManager

import featlib

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
IDS = [path.stem for path in NOTEBOOKS]
EXCUSED = "nbval-ignore-output"
INSTALLS = "remove-cell"  # the tag of the cell that installs featlib: slides and site leave it out


@pytest.fixture(params=NOTEBOOKS, ids=IDS)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def python(cell):
    """Return a cell's code as Python runs it: a line such as ``%pip`` is IPython's."""
    return TransformerManager().transform_cell(cell.source)


def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def test_the_core_is_complete():
    assert [name[:2] for name in IDS[:7]] == ["00", "01", "02", "03", "04", "05", "06"]


def test_every_code_cell_was_executed_in_order(notebook):
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_no_cell_failed_or_warned(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", cell.source


def test_it_begins_with_question_objectives_and_minutes(path, notebook):
    first = prose(notebook)[0]
    assert first.startswith(f"# {path.stem[:2]} ")
    assert re.search(r"\*\*.+\?\*\*", first), "the question"
    assert len(re.findall(r"^- ", first, re.MULTILINE)) >= 3, "what you can do afterwards"
    assert re.search(r"\*About \d+ minutes? to read, \d+ to do\.\*", first)


def test_the_minutes_are_those_that_the_tool_counts(path, notebook):
    assert str(notebook_minutes.count(notebook)) in prose(notebook)[0], (
        "notebook_minutes.py --write"
    )


def test_the_tables_of_all_notebooks_tell_the_same_minutes():
    found = notebook_minutes.minutes()
    start = nbformat.read(NOTEBOOKS[0], as_version=4)
    [the_map] = [text for text in prose(start) if text.startswith("## The map")]
    for text in (the_map, (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")):
        assert notebook_minutes.in_table(text, found) == text, "notebook_minutes.py --write"
        assert len(re.findall(r"\| \d+ \| \d+ \|$", text, re.MULTILINE)) == len(NOTEBOOKS)


def test_the_core_is_read_in_twelve_minutes():
    found = notebook_minutes.minutes()
    core = [name for name in found if "01" <= name[:2] <= "06"]
    assert len(core) == 6
    assert sum(found[name].read for name in core) <= 12


def test_it_ends_with_one_sentence_to_take_away(notebook):
    [take_away] = [text for text in prose(notebook) if text.startswith("## Take away")]
    sentence = take_away.split("> ")[1].strip()
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0


def test_every_link_leads_somewhere(path, notebook):
    for text in prose(notebook):
        for target, place in re.findall(r"\]\(([^)#]+)(?:#([^)]*))?\)", text):
            if target.startswith("https://"):
                continue
            assert (path.parent / target).exists(), target
            # In a notebook that it has yet to open, JupyterLab scrolls to a cell, not to a heading.
            if place:
                other = nbformat.read(path.parent / target, as_version=4)
                [cell] = [c for c in other.cells if c.id == place.removeprefix("cell-id=")]
                assert cell.cell_type == "markdown", "the site has no address of a cell of code"
                assert place.startswith("cell-id="), place


def test_its_first_code_installs_featlib_where_it_is_missing(path, notebook):
    first, *others = code_cells(notebook)
    assert first.id == f"{path.stem[:2]}-install"
    assert first.metadata == {"slideshow": {"slide_type": "skip"}, "tags": [INSTALLS]}
    assert first.source == code_cells(nbformat.read(NOTEBOOKS[0], as_version=4))[0].source
    assert not any(INSTALLS in cell.metadata.get("tags", []) for cell in others)
    assert first.outputs == []


@pytest.mark.parametrize("here", [True, False])
def test_the_install_runs_only_where_featlib_is_missing(here, monkeypatch):
    ran = []
    shell = SimpleNamespace(run_line_magic=lambda *words: ran.append(words))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if here else None)
    cell = code_cells(nbformat.read(NOTEBOOKS[0], as_version=4))[0]
    exec(python(cell), {"get_ipython": lambda: shell})
    pages = dict(page.split(", ") for page in metadata.metadata("featlib").get_all("Project-URL"))
    install = ("pip", f"install -q {pages['Source']}/archive/main.zip")
    assert ran == ([] if here else [install])


def test_it_needs_no_file_beside_it(path, notebook):
    """Opened alone, it finds nothing there; a link to another notebook does no harm."""
    for target in re.findall(r"\]\(([^)#]+)", "\n".join(prose(notebook))):
        assert target.startswith("https://") or target.endswith(".ipynb"), target
    for node in ast.walk(ast.parse("\n".join(map(python, code_cells(notebook))))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
            for place in (path.parent, ROOT):
                # A place has names that are words, too: "tests" names no file.
                assert not (place / node.value[:200]).is_file(), node.value


def test_it_links_to_its_neighbors_and_to_the_map(path, notebook):
    text, place = "\n".join(prose(notebook)), NOTEBOOKS.index(path)
    for neighbor in NOTEBOOKS[max(0, place - 1) : place + 2]:
        assert neighbor == path or f"({neighbor.name})" in text
    assert place == 0 or "(00_start_here.ipynb#cell-id=00-16)" in text


def test_the_package_repeats_what_the_notebook_shows(notebook):
    assert any("assert " in cell.source for cell in code_cells(notebook))


def test_at_most_three_cells_are_excused_and_only_for_printing_a_time(notebook):
    excused = [c for c in code_cells(notebook) if EXCUSED in c.metadata.get("tags", [])]
    assert len(excused) <= 3
    for cell in excused:
        assert "seconds" in cell.source
    for cell in code_cells(notebook):
        assert set(cell.metadata.get("tags", [])) <= {EXCUSED, INSTALLS}


def test_every_figure_has_alternative_text_that_is_compared(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert output.metadata["image/png"]["alt"]
                assert len(output.data["text/plain"]) > 20


def test_cells_have_ids_and_metadata_is_stable(path, notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec == tool.KERNEL
    # All that a kernel says of itself: what JupyterLab would add makes a notebook unsaved.
    assert {"version", "file_extension", "mimetype"} < notebook.metadata.language_info.keys()
    before = path.read_text(encoding="utf-8")
    assert nbformat.writes(tool.settle(notebook)).strip() == before.strip()


def test_the_file_is_small_enough_to_be_opened_anywhere(path):
    assert path.stat().st_size < 1_000_000


def test_the_table_of_contents_names_every_notebook():
    text = (ROOT / "notebooks" / "README.md").read_text()
    for path in NOTEBOOKS:
        assert f"({path.name})" in text


def test_lines_of_code_fit_a_window_of_1200_pixels(notebook):
    for cell in code_cells(notebook):
        assert max(map(len, cell.source.splitlines())) <= 90, cell.source


def test_it_uses_public_names_only(notebook):
    tree = ast.parse("\n".join(map(python, code_cells(notebook))))
    modules = {"featlib": featlib}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("featlib"):
            room = importlib.import_module(node.module)
            for alias in node.names:
                assert alias.name in room.__all__, f"{node.module}.{alias.name}"
                value = getattr(room, alias.name)
                if inspect.ismodule(value):
                    modules[alias.asname or alias.name] = value
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in names:
        module = modules.get(node.value.id) if isinstance(node.value, ast.Name) else None
        assert module is None or node.attr in (*module.__all__, "__file__"), ast.unparse(node)


def test_the_readmes_three_numbers_are_those_that_00_measures():
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    [row] = re.findall(r"^\| right \|(.+)\|$", table, re.MULTILINE)
    told = [float(number) for number in re.findall(r"([\d.]+)%", row)]
    start = NOTEBOOKS[0].read_text(encoding="utf-8")
    drawn = re.search(r"raw pixels ([\d.]+), untrained ([\d.]+), pretrained ([\d.]+)", start)
    assert [f"{number / 100:.3f}" for number in told] == list(drawn.groups())
