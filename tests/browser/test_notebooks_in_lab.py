"""A notebook as `execute_notebooks.py` leaves it, in JupyterLab: nothing to save; links lead."""

import execute_notebooks as tool
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

# What the kernel is and what JupyterLab would write into the notebook arrive one after the other.
DIRTY = """async () => {
  const {context} = window.jupyterapp.shell.currentWidget;
  const kernel = context.sessionContext.session.kernel;
  await kernel.info;
  await kernel.spec;
  await new Promise(resolve => setTimeout(resolve));
  return context.model.dirty;
}"""

LINK = "[the map](start.ipynb#cell-id=the-map)"


@pytest.fixture
def opened(lab, window):
    """Return a function that opens a notebook of one cell of text, executed and settled."""

    def open_notebook(name, text):
        path = lab.notebooks / f"{name}.ipynb"
        cells = [new_code_cell("1"), new_markdown_cell(text)]
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": tool.KERNEL}), path)
        tool.execute(path)
        return window.open(name, "light")

    yield open_notebook
    window.tidy()


def test_opening_a_notebook_leaves_nothing_to_save(opened):
    assert opened("clean", "Text").page.evaluate(DIRTY) is False


def test_a_link_to_a_cell_of_a_notebook_that_is_not_open_scrolls_to_it(opened, lab):
    above = [new_markdown_cell(f"## {i}" + "\n\ntext" * 40) for i in range(5)]
    place = new_markdown_cell("## The map")
    place.id = "the-map"
    target = new_notebook(cells=[*above, place], metadata={"kernelspec": tool.KERNEL})
    nbformat.write(target, lab.notebooks / "start.ipynb")
    page = opened("from", LINK).page
    page.get_by_role("link", name="the map").click()
    heading = page.get_by_role("heading", name="The map")
    heading.wait_for()
    in_sight = "e => e.getBoundingClientRect().top < window.innerHeight"
    page.wait_for_function(in_sight, arg=heading.element_handle())
