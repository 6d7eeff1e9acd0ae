"""A real JupyterLab, and a real browser in front of it."""

import os

import browser
import pytest
from filelock import FileLock
from lab_pages import Gate, Lab
from lab_window import Window
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


@pytest.fixture(scope="session")
def window(lab, chromium):
    opened = Window(lab, chromium)
    yield opened
    opened.close()


@pytest.fixture
def new_window(window):
    """Begin a test with JupyterLab loaded anew."""
    window.close()


@pytest.fixture
def notebook(lab, window, request):
    """Return a function that opens a notebook with a quiz, in a theme."""
    opened = []
    failed = request.session.testsfailed

    def open_notebook(name, quiz, code, theme="light", **where):
        lab.write(name, quiz, code)
        opened.append(window.open(name, theme))
        opened[-1].run_all(**where)
        return opened[-1]

    yield open_notebook
    for each in opened:
        each.unwatch()
    if request.session.testsfailed > failed:
        window.close()  # no other test shall meet what made this one fail
    elif opened:
        window.tidy()
