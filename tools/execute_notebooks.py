"""Execute the notebooks anew and keep their outputs, in place.

    python tools/execute_notebooks.py [NAME ...]

What would change from run to run without meaning anything is left out: execution times and widget
state. So a second run leaves `git diff` empty, but for cells that show how long something took
(they are tagged ``nbval-ignore-output``), and the version of Python where it is another.

What guesses and quizzes were told is kept for the site, which has no kernel.
"""

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from featlib.engine.files import atomic_write_text
from featlib.pages import slides
from featlib.site import measured

FOLDER = Path(__file__).parents[1] / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def execute(path):
    """Execute one notebook and write it back.

    Parameters
    ----------
    path : pathlib.Path
        The notebook.

    Returns
    -------
    float
        Seconds it took.
    """
    started = time.perf_counter()
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        # Kernels warn of unencrypted sockets; these are on this machine and gone in seconds.
        extra_arguments=["--log-level=ERROR"],
        # Without this an interrupted run would leave its widgets' state in the file.
        store_widget_state=False,
    )
    ours = path.parent.samefile(FOLDER)  # of somebody else's the site knows nothing
    with measured.recorded(notebook, path.stem) if ours else nullcontext():
        client.execute()
    atomic_write_text(path, nbformat.writes(settle(notebook)) + "\n")
    return time.perf_counter() - started


def settle(notebook):
    """Leave out what changes from run to run without meaning anything, and arrange the slides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook; changed in place.

    Returns
    -------
    nbformat.NotebookNode
    """
    # JupyterLab writes what the kernel says of its language into each notebook that it opens. Where
    # that stands there already, to the version, opening a notebook does not make it unsaved.
    language = notebook.metadata.get("language_info", {"name": "python"})
    notebook.metadata = {"kernelspec": KERNEL, "language_info": language}
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = number
        cell.metadata.pop("execution", None)
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
            # The address of a widget's model is another in every run.
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    return slides.arrange(notebook)


def _joined(outputs):
    """Join what was printed in several parts: where it is cut depends on time."""
    joined = []
    for output in outputs:
        stream = output.get("name")  # only what was printed has one
        if stream and joined and joined[-1].get("name") == stream:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def main(arguments=None):
    """Execute the notebooks that are named, or all, two at a time."""
    parser = argparse.ArgumentParser(
        description="Execute notebooks anew and keep their outputs, in place."
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 03; all if left out")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    options = parser.parse_args(arguments)
    names = options.names or [""]
    paths = sorted({p for name in names for p in FOLDER.glob(f"{name}*.ipynb")})
    if not paths:
        parser.error(f"no notebook in {FOLDER} begins with {' or '.join(names)}")
    failed = 0
    # Kernels side by side with all threads each would wait for one another.
    threads = max(1, (os.cpu_count() or 1) // options.jobs)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ["FEATLIB_DATA_DIR"] = tempfile.mkdtemp()  # nobody's answers get into the files
    os.environ["TQDM_DISABLE"] = "1"  # saved bars stand at 0 % for ever
    with ThreadPoolExecutor(options.jobs) as pool:
        for path, running in [(path, pool.submit(execute, path)) for path in paths]:
            try:
                print(f"{path.name}: {running.result():.1f} s", flush=True)
            except CellExecutionError as error:
                failed += 1
                print(f"{path.name}: {error}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
