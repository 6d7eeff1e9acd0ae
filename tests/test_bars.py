"""Progress bars: there when something takes long, silent when it does not or is told to be."""

import time

import pytest
import tqdm.notebook

from featlib.bars import bar


def work(seconds, **options):
    with bar("features", 3, "image", **options) as done:
        for _ in range(3):
            time.sleep(seconds)
            done.update()


def test_what_is_quick_leaves_no_trace(capsys):
    work(0)
    assert capsys.readouterr().err.strip() == ""


def test_what_is_slow_shows_how_far_it_is(capsys):
    work(0.8)
    assert "features" in (said := capsys.readouterr().err)
    assert "3/3" in said


def test_it_can_be_switched_off(capsys):
    work(0.8, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", [tqdm.std.tqdm, tqdm.notebook.tqdm])
def test_a_variable_switches_all_bars_off(monkeypatch, kind):
    monkeypatch.setattr("featlib.bars.tqdm", kind)
    monkeypatch.setenv("TQDM_DISABLE", "1")
    assert bar("features", 3, "image").disable
    monkeypatch.delenv("TQDM_DISABLE")
    assert not bar("features", 3, "image").disable
