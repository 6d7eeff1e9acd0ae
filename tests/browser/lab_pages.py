"""A JupyterLab server of the tests' own, its notebooks in a browser, and a gate for replies."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

expect.set_options(timeout=20_000)  # milliseconds; a busy machine takes longer than the usual 5 s

TOKEN = "a-token-for-the-tests"
# JupyterLab's own: what it asks of a kernel for its widgets, cut off by a restart.
CUT_OFF = "Canceled future for create_subshell_request message"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


class Lab:
    """A JupyterLab server of the tests' own."""

    def __init__(self, folder):
        self.notebooks = folder / "notebooks"
        self.settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
        self.notebooks.mkdir()
        self.settings.mkdir(parents=True)
        (self.settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.log = folder / "lab.log"
        own = {
            "FEATLIB_DATA_DIR": folder / "data",
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_DATA_DIR": folder / "jupyter-data",
            "JUPYTER_RUNTIME_DIR": folder / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": folder / "settings",
            "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        }
        options = {
            "--ServerApp.ip": "127.0.0.1",
            "--ServerApp.port": self.url.rsplit(":")[-1],
            "--ServerApp.root_dir": self.notebooks,
            "--ServerApp.open_browser": "False",
            "--ServerApp.allow_root": "True",
            "--IdentityProvider.token": TOKEN,
            "--LabApp.expose_app_in_browser": "True",
            "--LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyterlab", *(f"{k}={v}" for k, v in options.items())],
                env=os.environ | {name: str(path) for name, path in own.items()},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait(self, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.url}/api?token={TOKEN}", timeout=1)
                return
            except OSError:
                time.sleep(0.2)
        pytest.fail(f"JupyterLab did not start:\n{self.log.read_text()}")

    def ask(self, path, method="GET"):
        """Return what the server's API answers."""
        request = urllib.request.Request(f"{self.url}/api/{path}?token={TOKEN}", method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def end_kernels(self, name=None):
        """End the kernel of a notebook; without a name, all of them."""
        sessions = self.ask("sessions")  # several may share one kernel
        ours = [one for one in sessions if name is None or one["path"] == f"{name}.ipynb"]
        for kernel in {session["kernel"]["id"] for session in ours}:
            self.ask(f"kernels/{kernel}", "DELETE")

    def write(self, name, quiz, code):
        """Write a quiz file and a notebook that shows it."""
        (self.notebooks / f"{name}.json").write_text(json.dumps(quiz), encoding="utf-8")
        cells = [new_markdown_cell("# A quiz"), new_code_cell(code)]
        kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.notebooks / f"{name}.ipynb")

    def theme(self, theme):
        settings = json.dumps({"theme": THEMES[theme]})
        (self.settings / "themes.jupyterlab-settings").write_text(settings)


class Notebook:
    """A notebook in JupyterLab, as a learner has it before them."""

    def __init__(self, lab, page, name):
        self.lab, self.page, self.name = lab, page, name
        self.errors = []
        page.on("pageerror", self._note)

    def unwatch(self):
        """Leave the page to the next notebook."""
        self.page.remove_listener("pageerror", self._note)

    def _note(self, error):
        if CUT_OFF not in str(error):
            self.errors.append(str(error))

    def open(self):
        self.page.goto(f"{self.lab.url}/lab/tree/{self.name}.ipynb?token={TOKEN}&reset")
        self.idle()

    def idle(self):
        """Wait until the status bar says that the kernel is ready."""
        ready = self.page.get_by_text("Python 3 (ipykernel) | Idle")
        ready.wait_for(timeout=60_000)

    def run_all(self, place="[data-featlib] "):
        """Run all cells, and wait until a view is at its place in the form that is saved.

        A view moves there once, from the output. A key that is pressed meanwhile reaches nobody.
        """
        self.idle()
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.locator(f"{place}.fq").first.wait_for(timeout=60_000)

    def hide_files(self):
        """Close the list of files: beside it a narrow window has no room for a notebook.

        JupyterLab may open it a moment after the kernel is ready, so a "toggle" could do either.
        """
        self.page.evaluate("window.jupyterapp.shell.collapseLeft()")

    def restart(self):
        self.page.get_by_role("menuitem", name="Kernel", exact=True).click()
        self.page.get_by_role("menuitem", name="Restart Kernel…").first.click()
        self.page.get_by_role("button", name="Confirm").click()
        self.idle()

    def save(self):
        """Save, and wait until the file is there: a page that is reloaded before has nothing."""
        file = self.lab.notebooks / f"{self.name}.ipynb"
        before = file.stat().st_mtime_ns
        self.page.get_by_role("menuitem", name="File", exact=True).click()
        self.page.get_by_role("menuitem", name="Save Notebook", exact=False).first.click()

        def is_saved():
            if file.stat().st_mtime_ns == before:
                return False
            try:  # the server may be writing it just now
                return bool(json.loads(file.read_text(encoding="utf-8")))
            except ValueError:
                return False

        self.wait_until(is_saved, "the notebook is saved")

    def wait_until(self, is_so, words, seconds=60):
        """Wait for what the page itself does not show."""
        until = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < until, f"waited in vain until {words}"
            self.page.wait_for_timeout(50)

    @property
    def widget(self):
        return self.page.locator(".jp-OutputArea .fq")


class Gate:
    """Holds back in the kernel what a front end sent, until the test lets it through.

    So a test can do something for certain between an answer and its reply.
    """

    CODE = """
import pathlib, time
from {module} import {widget}

def held(self, *message, receive={widget}._receive, numbers=iter(range(1000))):
    passed = pathlib.Path({folder!r}, str(next(numbers)))
    while not passed.exists():
        time.sleep(0.01)
    receive(self, *message)

{widget}._receive = held
"""

    def __init__(self, folder):
        self.folder = folder
        self.passed = 0
        folder.mkdir()

    def code(self, module, widget):
        """Return the lines that put the gate before a widget, to be run before it is made."""
        return self.CODE.format(module=module, widget=widget, folder=str(self.folder))

    def let_through(self):
        """Let the next message through: the reply follows."""
        (self.folder / str(self.passed)).touch()
        self.passed += 1
