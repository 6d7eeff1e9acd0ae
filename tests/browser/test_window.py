"""The window that the tests share: it forgets each test, and is replaced when it is damaged."""

import pytest
from lab_window import Window
from playwright.sync_api import Error

SHOWN = "from IPython.display import HTML\nHTML('<div data-featlib><p class=fq>shown</p></div>')"

# What closing asks of JupyterLab; to load all of it for each damage would take long.
SMALL = "<script>window.jupyterapp = {shell: {widgets: () => []}}</script>"


@pytest.fixture
def small(lab, chromium):
    window = Window(lab, chromium)
    window.new_page().set_content(SMALL)
    yield window
    window.close()


def test_a_closed_notebook_leaves_neither_a_cell_nor_a_value_nor_a_change(notebook, window, lab):
    change = "import featlib.checks\nfeatlib.checks.changed = before = True\n"
    page = notebook("closed", [], change + SHOWN).page
    kernels = [kernel["id"] for kernel in lab.ask("kernels")]
    window.tidy()
    assert window.page is page
    assert page.locator(".jp-Notebook").count() == 0
    look = "import featlib.checks\nassert 'before' not in dir()\n"
    notebook("after", [], look + "assert 'changed' not in dir(featlib.checks)\n" + SHOWN)
    assert [kernel["id"] for kernel in lab.ask("kernels")] == kernels


def test_a_sound_window_is_used_again(small):
    page = small.page
    small.tidy()
    assert small.page is page


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("setTimeout(() => { throw new Error('thrown') })", "thrown"),
        ("document.body.innerHTML = '<p class=jp-Dialog>Server Connection Error'", "a dialog"),
        ("void (jupyterapp.shell.widgets = () => { throw new Error('stuck') })", "stuck"),
    ],
    ids=["page-error", "dialog", "closing-fails"],
)
def test_a_damaged_window_is_not_used_again(small, capsys, damage, named):
    page = small.page
    page.evaluate(damage)
    small.tidy()
    assert small.page is None
    assert page.is_closed()
    assert named in capsys.readouterr().out


def test_a_crashed_window_is_not_used_again(small, capsys):
    with pytest.raises(Error):
        small.page.goto("chrome://crash")
    small.tidy()
    assert small.page is None
    assert "crash" in capsys.readouterr().out
