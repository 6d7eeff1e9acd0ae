"""How long the live lab takes from a moved slider to a picture.

    python benchmarks/lab.py

A real JupyterLab with a real browser: a slider is moved, and the clock runs until the new chart is
in the page. Beside it, in the same run, the training alone.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import Console

from featlib import head
from featlib.tables import Table
from featlib.widgets import lab as lab_widget

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
import browser

from conftest import Lab, Notebook

MOVED = """([id, value]) => new Promise((done) => {
  const root = document.querySelector('.fq-lab');
  const input = root.querySelector(`input[id$="-${id}"]`);
  const charts = root.querySelector('.fq-charts');
  const started = performance.now();
  new MutationObserver((_, watch) => {
    watch.disconnect();
    requestAnimationFrame(() => done(performance.now() - started));
  }).observe(charts, {childList: true});
  input.value = value;
  input.dispatchEvent(new Event('input'));
})"""
VALUES = {
    "epochs": range(1, 11),
    "per_class": range(5, 81),
    "learning_rate": [-4 + i / 10 for i in range(31)],
    "weight_decay": [-3 + i / 10 for i in range(31)],
}


def moves(count):
    """Return slider moves, picked at random from a fixed seed."""
    chance = random.Random(0)
    for _ in range(count):
        name = chance.choice(list(VALUES))
        yield name, str(chance.choice(VALUES[name]))


def from_slider_to_picture(count):
    """Return milliseconds, one a move, and for each input of the head."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Lab(Path(folder))
        try:
            server.wait()
            server.write("lab", [], "import featlib\nfeatlib.show_lab()")
            running = playwright.chromium.launch(
                executable_path=browser.find(playwright), args=[*browser.FLAGS]
            )
            notebook = Notebook(server, running.new_page(), "lab")
            notebook.open()
            notebook.run_all()
            found = {}
            for name in ("pretrained", "raw pixels"):
                notebook.widget.get_by_label("trained on").select_option(name)
                notebook.page.wait_for_timeout(1000)
                found[f"slider to picture, {name}"] = [
                    notebook.page.evaluate(MOVED, list(move)) for move in moves(count)
                ]
            running.close()
        finally:
            server.process.terminate()
            server.process.wait()
    return found


def training_alone(count):
    """Return milliseconds of the lesson's training: 800 images, 512 features, five epochs."""
    widget = lab_widget.show_lab()
    images, rows = widget.images, widget.inputs["pretrained"]
    train, unseen = images.train, images.validation
    held_out = (rows[unseen], images.labels[unseen])
    times = []
    for _ in range(count):
        started = time.perf_counter()
        head.train(rows[train], images.labels[train], len(images.classes), validation=held_out)
        times.append(1000 * (time.perf_counter() - started))
    return times


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=60, help="slider moves for each input (60)")
    count = parser.parse_args().moves
    found = {"training alone, five epochs": training_alone(count)} | from_slider_to_picture(count)
    rows = tuple(
        (name, f"{statistics.median(ms):.0f}", f"{statistics.quantiles(ms, n=20)[-1]:.0f}")
        for name, ms in found.items()
    )
    Console().print(Table("The live lab", ("what", ">median ms", ">p95 ms"), rows))


if __name__ == "__main__":
    main()
