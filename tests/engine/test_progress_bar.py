"""Progress bars: there when something takes long, silent when it does not or is told to be."""

import time

import pytest
import tqdm.notebook

from featlib.engine.progress_bar import DELAY, progress_bar


def work(seconds, **options):
    with progress_bar("features", 3, "image", **options) as done:
        for _ in range(3):
            time.sleep(seconds)
            done.update()


@pytest.fixture
def impatient(monkeypatch):
    """Wait for a tenth of a second only until a bar is shown."""
    monkeypatch.setattr("featlib.engine.progress_bar.DELAY", 0.1)


def test_what_is_quick_leaves_no_trace(capsys):
    work(0)
    assert capsys.readouterr().err.strip() == ""


def test_what_takes_two_seconds_is_slow():
    assert DELAY == 2


@pytest.mark.usefixtures("impatient")
def test_what_is_slow_shows_how_far_it_is(capsys):
    work(0.1)
    assert "features" in (said := capsys.readouterr().err)
    assert "3/3" in said


@pytest.mark.usefixtures("impatient")
def test_it_can_be_switched_off(capsys):
    work(0.1, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", [tqdm.std.tqdm, tqdm.notebook.tqdm])
def test_a_variable_switches_all_bars_off(monkeypatch, kind):
    monkeypatch.setattr("featlib.engine.progress_bar.tqdm", kind)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert progress_bar("features", 3, "image").disable
    monkeypatch.delenv("TQDM_DISABLE")
    assert not progress_bar("features", 3, "image").disable
