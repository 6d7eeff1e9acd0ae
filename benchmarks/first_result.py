"""How long `featlib run` takes, Python and PyTorch included, and where the time goes.

    python benchmarks/first_result.py

Each round starts new processes, in turn: PyTorch imported alone, a first run with an empty cache,
and a second run that finds its features there.
"""

import argparse
import collections
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from rich.console import Console

from featlib.engine.progress_bar import bar
from featlib.tables import Table

# What `featlib run` does, with the time taken between its steps.
STEPS = """
import gc, io, json, sys, time
seconds, last = {}, time.perf_counter()
def step(name):
    global last
    now = time.perf_counter()
    seconds[name], last = now - last, now
gc.disable()
import torch
step("import torch")
from featlib import cli, lesson
step("other imports")
gc.freeze()
gc.enable()
finished = lesson.run(progress=False)
step("five stages")
seconds["baselines"] = sum(b.seconds for b in finished.baselines)
seconds["five stages"] -= seconds["baselines"]
out, sys.stdout = sys.stdout, io.StringIO()
cli._show(finished)
step("tables")
from featlib.pages import lesson_report
lesson_report.write(finished)
step("report")
print(json.dumps(seconds), file=out)
"""
PARTS = ("import torch", "other imports", "five stages", "baselines", "tables", "report")


def run(command, folder):
    """Run a command with the cache in a folder; return its seconds, to the end and to its words."""
    own = {"FEATLIB_CACHE_DIR": os.path.join(folder, "cache"), "PYTHONUNBUFFERED": "1"}
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        first = running.stdout.readline()
        to_words = time.perf_counter() - started
        printed = first + running.stdout.read()
    if running.returncode:
        raise RuntimeError(f"{command} ended with {running.returncode}")
    return time.perf_counter() - started, to_words, printed


def one_round(found):
    """Measure everything once."""
    with tempfile.TemporaryDirectory() as folder:
        found["import torch"].append(run(["-c", "import torch"], folder)[0])
        for way in ("cold", "warm"):
            whole, to_tables, _ = run(["-m", "featlib", "run"], folder)
            found[way].append(whole)
            found[f"{way} tables"].append(to_tables)
    with tempfile.TemporaryDirectory() as folder:
        for way in ("cold", "warm"):
            whole, _, printed = run(["-c", STEPS], folder)
            parts = json.loads(printed)
            parts["Python starts and ends"] = whole - sum(parts.values())
            found[f"{way} parts"].append(parts)


def main():
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="how often (5)")
    repeats = parser.parse_args().repeats
    found = collections.defaultdict(list)
    with bar("benchmark", repeats, "round") as done:
        for _ in range(repeats):
            one_round(found)
            done.update(1)
    names = {
        "import torch": "python -c 'import torch'",
        "cold tables": "featlib run, cold cache, to its tables",
        "cold": "to the end, the report written",
        "warm tables": "featlib run, warm cache, to its tables",
        "warm": "to the end, the report written",
    }
    middle = {way: statistics.median(found[way]) for way in names}
    rows = tuple(
        (names[way], f"{mid:.1f}", f"{min(found[way]):.1f} to {max(found[way]):.1f}",
         f"{mid / middle['import torch']:.1f}")
        for way, mid in middle.items()
    )  # fmt: skip
    columns = ("command", ">seconds (median)", ">from, to", ">times importing torch")
    console = Console(width=100)
    console.print(Table(f"The whole command, {repeats} rounds", columns, rows))
    rows = tuple(
        (part, *(f"{statistics.median(p[part] for p in found[way]):.2f}" for way in
                 ("cold parts", "warm parts")))
        for part in (*PARTS, "Python starts and ends")
    )  # fmt: skip
    console.print(Table("Where the seconds go (median)", ("part", ">cold", ">warm"), rows))


if __name__ == "__main__":
    main()
