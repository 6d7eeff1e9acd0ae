"""A real JupyterLab, and a real browser in front of it."""

import os

import browser
import pytest
from filelock import FileLock
from lab_pages import Gate, Lab, Notebook
from playwright.sync_api import expect, sync_playwright

expect.set_options(timeout=20_000)  # milliseconds; a busy machine takes longer than the usual 5 s


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """Return a running Chromium. In CI a missing one is a failure, elsewhere a skip."""
    one_by_one = FileLock(tmp_path_factory.getbasetemp().parent / "chromium.lock")
    with sync_playwright() as playwright:
        with one_by_one:  # two workers that install at once get in each other's way
            tried = "" if browser.find(playwright) else browser.install()
        path = browser.find(playwright)
        if path is None:
            reason = f"NO CHROMIUM, SO NO BROWSER TEST WAS RUN. Install one. Tried:\n{tried}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
        running = playwright.chromium.launch(executable_path=path, args=[*browser.FLAGS])
        yield running
        running.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):
    server = Lab(tmp_path_factory.mktemp("lab"))
    try:
        server.wait()
        yield server
    finally:
        server.process.terminate()
        server.process.wait()


@pytest.fixture
def gate(tmp_path):
    return Gate(tmp_path / "gate")


@pytest.fixture
def notebook(lab, chromium, request):
    """Return a function that opens a notebook with a quiz, in a theme."""
    pages = []

    def open_notebook(name, quiz, code, theme="light"):
        lab.theme(theme)
        lab.write(name, quiz, code)
        page = chromium.new_page(viewport={"width": 1200, "height": 1000})
        pages.append(page)
        opened = Notebook(lab, page, name)
        opened.open()
        opened.run_all()
        return opened

    yield open_notebook
    for page in pages:
        page.close()
