"""What of a widget gets into a saved notebook: a plain form, once JupyterLab has drawn the view."""

import pytest
import torch

import featlib
from featlib.widgets import base
from featlib.widgets.lab import LabWidget

VIEW = "application/vnd.jupyter.widget-view+json"
INVITATIONS = {
    "quiz": "Run this cell to answer.",
    "flashcards": "Run this cell to review the cards.",
    "own images": "Run this cell to ",
    "lab": "Run this cell to move the sliders.",
}


@pytest.fixture(autouse=True)
def answers(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def outputs(monkeypatch):
    """Return what the outputs of a notebook show, by their identity."""
    found = {}

    def show(data, *, raw, display_id, metadata=None):
        assert raw
        found[display_id] = data

    def replace(data, *, raw, display_id):
        assert display_id in found
        show(data, raw=raw, display_id=display_id)

    monkeypatch.setattr(base, "display", show)
    monkeypatch.setattr(base, "update_display", replace)
    return found


@pytest.fixture(params=INVITATIONS)
def made(request, emoji10):
    widgets = {
        "quiz": lambda: featlib.show_quiz("source_quiz"),
        "flashcards": featlib.show_flashcards,
        "own images": featlib.show_own_images,
        "lab": lambda: LabWidget(emoji10, {"noise": torch.randn(1000, 4)}),
    }
    return widgets[request.param](), INVITATIONS[request.param]


def test_each_form_says_what_running_the_cell_is_for(made):
    widget, invitation = made
    data, _ = widget._repr_mimebundle_()
    assert f"<em>{invitation}" in data["text/html"]
    assert widget.plain()[1] in data["text/html"]
    assert data["text/plain"] == widget.plain()[0]


def test_any_front_end_gets_the_view_and_jupyterlab_keeps_the_form(made, outputs):
    widget, invitation = made
    for _ in range(2):
        widget._ipython_display_()
    assert [VIEW in data for data in outputs.values()] == [True, True]
    widget.set_state({"_drawn": 1})
    assert len(outputs) == 2
    for data in outputs.values():
        assert VIEW not in data
        assert invitation in data["text/html"]
        assert f'data-featlib="{widget._place}"' in data["text/html"]
        assert data.keys() == {"text/plain", "text/html"} | widget.machine_readable().keys()
    widget._ipython_display_()
    assert [VIEW in data for data in outputs.values()] == [False, False, True]
    widget.set_state({"_drawn": 2})
    assert [VIEW in data for data in outputs.values()] == [False, False, False]


def test_no_two_widgets_share_a_place():
    assert featlib.show_quiz("source_quiz")._place != featlib.show_quiz("source_quiz")._place


def test_the_page_cannot_choose_the_place():
    widget = featlib.show_quiz("source_quiz")
    before = widget._place
    widget.set_state({"_place": '"><script>'})
    assert widget._place == before
