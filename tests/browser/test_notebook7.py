"""A notebook of the lesson in Jupyter Notebook 7, which many schools have instead of JupyterLab."""

import shutil

import pytest
from lab_pages import TOKEN, Notebook
from playwright.sync_api import expect

from featlib.engine import paths


class Notebook7(Notebook):
    """A notebook in Jupyter Notebook 7: a page of its own, its kernel a dot in the corner."""

    def open(self):
        self.page.goto(f"{self.lab.url}/notebooks/{self.name}.ipynb?token={TOKEN}&reset")
        self.idle()

    def idle(self):
        """Wait for the kernel itself: the dot says idle before there is one, too."""
        self.wait_until(self._kernel_is_ready, "the kernel is ready")
        idle = self.page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
        idle.wait_for(timeout=60_000)

    def _kernel_is_ready(self):
        sessions = self.page.request.get(f"{self.lab.url}/api/sessions?token={TOKEN}").json()
        kernels = [s["kernel"] for s in sessions if s["path"] == f"{self.name}.ipynb"]
        return any(k["execution_state"] == "idle" and k["connections"] for k in kernels)


@pytest.fixture
def opened(lab, chromium):
    name = "01_raw_input"
    lab.theme("light")
    for file in paths.bundled("notebooks").glob("*.ipynb"):
        shutil.copy(file, lab.notebooks)
    page = chromium.new_page(viewport={"width": 1200, "height": 1000})
    opened = Notebook7(lab, page, name)
    opened.open()
    opened.errors.clear()  # Notebook itself has one while it starts, with any notebook
    yield opened
    page.close()


@pytest.mark.long
def test_a_lesson_runs_and_its_quiz_keeps_the_answers(opened):
    opened.run_all()
    opened.idle()
    assert opened.page.locator("[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
    opened.widget.get_by_label("Your answer").fill("32, 3, 64, 64")
    opened.widget.get_by_role("button", name="Check").click()
    quiz = opened.widget.filter(has_text="What is an image to PyTorch?")
    expect(quiz.get_by_role("status")).to_have_text("Right.")
    assert opened.errors == []

    with opened.page.expect_popup() as popup:
        opened.page.get_by_role("link", name="02 Preprocessing").first.click()
    popup.value.wait_for_url("**/notebooks/02_preprocessing.ipynb")
    popup.value.close()
