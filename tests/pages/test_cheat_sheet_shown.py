"""The cheat sheet in a notebook: all of it, and a link that holds the page itself."""

import base64
import os
import re

import featlib
from featlib.engine.paths import bundled


def test_it_needs_no_file_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = featlib.show_cheat_sheet()._repr_html_()
    page = (bundled("notebooks") / "cheat_sheet.html").read_text(encoding="utf-8")
    body = page[page.index("<main") :]
    assert shown.endswith(body)
    assert "@media print" in shown
    assert os.listdir(tmp_path) == []


def test_the_link_holds_the_whole_page():
    shown = featlib.show_cheat_sheet()._repr_html_()
    [(name, held)] = re.findall(r'<a download="(\S+)" href="data:text/html;base64,(\S+)">', shown)
    page = bundled("notebooks") / name
    assert base64.b64decode(held).decode("utf-8") == page.read_text(encoding="utf-8")
