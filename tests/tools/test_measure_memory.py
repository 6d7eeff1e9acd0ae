"""The tool that measures memory sees what a cell held for a moment, in all kernels together."""

import platform

import measure_memory as tool
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

MB = 1_000_000
HOLD = "import time\nblock = b'x' * 200_000_000\ntime.sleep(1)\ndel block"

on_linux = pytest.mark.skipif(
    platform.system() != "Linux", reason="no other system says what processes share"
)


@pytest.mark.long
@on_linux
def test_the_peak_is_seen_and_is_no_longer_there_at_rest(tmp_path):
    path = tmp_path / "held.ipynb"
    path.write_text(writes(new_notebook(cells=[new_code_cell(HOLD)])), encoding="utf-8")
    memory = tool.measure(path, kernels=2)
    assert 200 * MB < memory.uss < memory.rss < 400 * MB
    assert memory.rest + 150 * MB < memory.pss, "both at rest"
    assert memory.pss < 2 * memory.rss, "a page that two share counts a half for each"


@on_linux
def test_a_notebook_that_fails_ends_the_measurement(tmp_path):
    path = tmp_path / "fails.ipynb"
    path.write_text(writes(new_notebook(cells=[new_code_cell("1 / 0")])), encoding="utf-8")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        tool.measure(path)


def test_a_name_that_is_no_notebooks_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    with pytest.raises(SystemExit):
        tool.main(["99"])
    assert "begins with 99" in capsys.readouterr().err
