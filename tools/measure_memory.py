"""Measure how much memory the notebooks need, as many learners run them on one machine.

    python tools/measure_memory.py [NAME ...] [--kernels N]

Each notebook is executed in N kernels at once, and the memory of all is read ten times a second.
Of a kernel alone, the peak of its resident memory (RSS) says most. Of several, their shares (PSS)
add up to what the machine holds: a page that K processes use counts a K-th for each. What one more
learner adds is what nobody shares (USS). Linux only: no other system tells the shares.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
SECONDS = 0.1  # between two readings


@dataclass(frozen=True)
class Memory:
    """What some processes of one kind held, in bytes.

    Attributes
    ----------
    rss : int
        The largest resident memory of any of them, at any time.
    uss : int
        The same of the memory that it shared with no other process.
    pss : int
        The largest sum of the shares of all of them at one time.
    rest : int
        That sum at the end, when each has done its work and waits.
    """

    rss: int
    uss: int
    pss: int
    rest: int


def measure(path, kernels=1):
    """Execute a notebook in several kernels at once, and watch their memory.

    Parameters
    ----------
    path : pathlib.Path
        The notebook; not changed.
    kernels : int
        How many.

    Returns
    -------
    Memory
    """
    return _summary(asyncio.run(_watch(path, kernels)))


def measure_server():
    """Start a JupyterLab server without a browser, and read its memory when it waits.

    Returns
    -------
    Memory
    """
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--port=0", "--allow-root"]
    with subprocess.Popen(
        [*command, f"--notebook-dir={FOLDER}"], stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            next(line for line in server.stderr or () if "is running at" in line)
            return _summary([_read([psutil.Process(server.pid)])])
        finally:
            server.terminate()


async def _watch(path, kernels):
    """Return the readings while kernels execute a notebook; the last when all of them wait."""
    processes, finished, readings = [], [], []
    over = asyncio.Event()

    async def run():
        client = NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=900,
            resources={"metadata": {"path": str(path.parent)}},
            extra_arguments=["--log-level=ERROR"],
        )
        async with client.async_setup_kernel():
            provisioner: Any = getattr(client.km, "provisioner", None)
            processes.append(psutil.Process(provisioner.pid))
            for index, cell in enumerate(client.nb.cells):
                await client.async_execute_cell(cell, index)
            finished.append(client)
            await over.wait()

    running = [asyncio.create_task(run()) for _ in range(kernels)]
    while len(finished) < kernels and not any(one.done() for one in running):
        await asyncio.sleep(SECONDS)
        readings.append(_read(processes))
    over.set()
    await asyncio.gather(*running)
    return readings


def _read(processes):
    """Return resident, unshared and proportional memory of each process, in bytes."""
    found = []
    for process in list(processes):
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            found.append((memory.rss, memory.uss, memory.pss))
    return found


def _summary(readings):
    seen = [reading for reading in readings if reading]
    sums = [sum(pss for *_, pss in reading) for reading in seen]
    rss, uss = (max(one[i] for reading in seen for one in reading) for i in (0, 1))
    return Memory(rss, uss, max(sums), sums[-1])


def main(arguments=None):
    """Print a line for the server and for each notebook that is named, or all."""
    parser = argparse.ArgumentParser(description="Measure how much memory the notebooks need.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 03; all if left out")
    parser.add_argument("--kernels", type=int, default=1, help="how many at once")
    options = parser.parse_args(arguments)
    if platform.system() != "Linux":
        parser.error("only Linux says what processes share; run it there")
    names = options.names or [""]
    paths = sorted({p for name in names for p in FOLDER.glob(f"{name}*.ipynb")})
    if not paths:
        parser.error(f"no notebook in {FOLDER} begins with {' or '.join(names)}")
    size = psutil.virtual_memory().total / 2**30
    print(f"{platform.machine()}, {os.cpu_count()} cores, {size:.0f} GiB; MiB of memory:")
    print(f"{'':<22}{'RSS':>8}{'USS':>8}  PSS of {options.kernels}, peak and at rest")
    _line("server", measure_server())
    for path in paths:
        _line(path.stem, measure(path, options.kernels))


def _line(name, memory):
    rss, uss, pss, rest = (
        f"{x / 2**20:,.0f}" for x in (memory.rss, memory.uss, memory.pss, memory.rest)
    )
    print(f"{name:<22}{rss:>8}{uss:>8}{pss:>8}{rest:>8}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
