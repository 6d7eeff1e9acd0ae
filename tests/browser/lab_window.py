"""A window of JupyterLab that outlives a test, and its kernel: new ones take seconds each."""

from lab_pages import THEMES, Notebook
from playwright.sync_api import Error

# How long a script in the page may take; `evaluate` itself would wait for ever.
IN_TIME = """argument => Promise.race([
  (%s)(argument),
  new Promise((_, reject) => setTimeout(() => reject(new Error("not done in 60 s")), 60_000)),
])"""

SET_THEME = """theme => window.jupyterapp.commands.execute("apputils:change-theme", {theme})"""

OPEN = """async ({path, kernel}) => {
  const options = kernel ? {path, kernel: {id: kernel}} : {path};
  const panel = await window.jupyterapp.commands.execute("docmanager:open", options);
  await panel.context.ready;
  await panel.sessionContext.ready;
}"""

# A test may have changed a class of featlib's: the next one imports it anew.
FORGET = """
import sys, ipywidgets
ipywidgets.Widget.close_all()
for name in [name for name in sys.modules if name.partition(".")[0] == "featlib"]:
    del sys.modules[name]
get_ipython().run_line_magic("reset", "-f -s")
"""

# Nothing is saved, so no dialog asks for it. The last promise lets pass what closing set off.
CLOSE = """async code => {
  let kernel = null;
  for (const panel of [...window.jupyterapp.shell.widgets("main")]) {
    if (!panel.context) continue;
    const running = panel.sessionContext.session.kernel;
    const {content} = await running.requestExecute({code, store_history: false}).done;
    if (content.status === "ok") kernel = running.id;
    panel.context.model.dirty = false;
    const closed = new Promise(resolve => panel.disposed.connect(resolve));
    panel.close();
    await closed;
  }
  await new Promise(resolve => setTimeout(resolve));
  return kernel;
}"""


class Window:
    """A window of JupyterLab, made anew whenever something was wrong with the one before."""

    def __init__(self, lab, chromium):
        self.lab, self.chromium = lab, chromium
        self.page = None
        self.kernel = None  # that ran the notebook before, and has forgotten it
        self.faults = []

    def open(self, name, theme):
        """Open a notebook: it is the only one that is open, and nothing in its kernel is known."""
        if self.faults:  # of the time between two tests
            self.close()
        if self.page is None:
            return self._open_first(name, theme)
        opened = Notebook(self.lab, self.page, name)
        self._run(SET_THEME, THEMES[theme])
        shown = self.page.locator(f"body[data-jp-theme-name='{THEMES[theme]}']")
        shown.wait_for(state="attached")
        self._run(OPEN, {"path": f"{name}.ipynb", "kernel": self.kernel})
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
            self.kernel = self._run(CLOSE, FORGET)
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
            self.page = self.kernel = None
            self.faults.clear()
            self.lab.end_kernels()

    def _run(self, script, argument=None):
        assert self.page is not None, "no page is open"
        return self.page.evaluate(IN_TIME % script, argument)
