"""A window of JupyterLab that outlives a test: most tests need no new one, which takes seconds."""

from lab_pages import THEMES, Notebook
from playwright.sync_api import Error

# How long a script in the page may take; `evaluate` itself would wait for ever.
IN_TIME = """argument => Promise.race([
  (%s)(argument),
  new Promise((_, reject) => setTimeout(() => reject(new Error("not done in 60 s")), 60_000)),
])"""

SET_THEME = """theme => window.jupyterapp.commands.execute("apputils:change-theme", {theme})"""

OPEN = """async path => {
  const panel = await window.jupyterapp.commands.execute("docmanager:open", {path});
  await panel.context.ready;
  await panel.sessionContext.ready;
}"""

# Nothing is saved, so no dialog asks for it. The last promise lets pass what closing set off.
CLOSE = """async () => {
  for (const panel of [...window.jupyterapp.shell.widgets("main")]) {
    if (!panel.context) continue;
    await panel.sessionContext.shutdown();
    panel.context.model.dirty = false;
    const closed = new Promise(resolve => panel.disposed.connect(resolve));
    panel.close();
    await closed;
  }
  await new Promise(resolve => setTimeout(resolve));
}"""


class Window:
    """A window of JupyterLab, made anew whenever something was wrong with the one before."""

    def __init__(self, lab, chromium):
        self.lab, self.chromium = lab, chromium
        self.page = None
        self.faults = []

    def open(self, name, theme):
        """Open a notebook with a kernel of its own: it is the only one that is open."""
        if self.faults:  # of the time between two tests
            self.close()
        if self.page is None:
            return self._open_first(name, theme)
        opened = Notebook(self.lab, self.page, name)
        self._run(SET_THEME, THEMES[theme])
        shown = self.page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']")
        shown.wait_for(state="attached")
        self._run(OPEN, f"{name}.ipynb")
        opened.idle()
        return opened

    def _open_first(self, name, theme):
        """Load JupyterLab with the notebook, by the address that a learner would have."""
        self.lab.theme(theme)
        opened = Notebook(self.lab, self.new_page(), name)
        opened.open()
        return opened

    def new_page(self):
        """Begin with an empty page, and note from now on what goes wrong in it."""
        self.page = self.chromium.new_page(viewport={"width": 1200, "height": 1000})
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("crash", lambda _: self.faults.append("the page crashed"))
        return self.page

    def tidy(self):
        """Close the notebook, so that the next test begins with none. A fault ends the window."""
        if self.page is None:
            return
        try:
            self._run(CLOSE)
            if self.page.locator(".jp-Dialog").count():
                self.faults.append("a dialog is open")
        except Error as error:
            self.faults.append(str(error))
        if self.faults:
            print("JupyterLab is loaded anew for the next test:", *self.faults, sep="\n")
            self.close()

    def close(self):
        """Close the window and end what it left running; the next notebook gets a new one."""
        if self.page is not None:
            self.page.close()
            self.page = None
            self.faults.clear()
            self.lab.end_kernels()

    def _run(self, script, argument=None):
        assert self.page is not None, "no page is open"
        return self.page.evaluate(IN_TIME % script, argument)
