"""Rate and memory of `shards.extract`, for ten times as many files.

    python benchmarks/stream.py --images 10000 100000

Each number of images is extracted in a process of its own, so that its peak of memory is its own.
The files are PNG and JPEG, 64×64; a thousand of them are written, the others are links to these.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from rich.console import Console

from featlib import backbone, images
from featlib.scale import shards
from featlib.tables import Table


def write_files(folder, n):
    """Write n files; after the first thousand they are links."""
    own, written = images.load("emoji10"), []
    for i in range(n):
        place = folder / f"{i // 1000:03}"
        if i % 1000 == 0:
            place.mkdir(parents=True)
        ending = "png" if i % 2 else "jpg"
        file = place / f"{i:06}.{ending}"
        if i < len(own):
            own.picture(i).save(file)
            written.append(file)
        else:
            os.link(written[i % len(own)], file)


def child(folder, out, precision):
    """Extract, and print the facts as JSON."""
    done = shards.extract(
        folder, out, backbone.resnet18(size=64), precision=precision, progress=False
    )
    print(json.dumps({"seconds": done.seconds, "images": done.images}))


def peak_of(command):
    """Run a command and return what it printed, and the most memory that it held, in MB."""
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    process, peak = psutil.Process(running.pid), 0
    while running.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)
    return running.communicate()[0], peak / 1e6


def main():
    """Measure each number of images and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    numbers = [10_000, 100_000]
    parser.add_argument("--images", type=int, nargs="*", default=numbers, metavar="N")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(*options.child, options.precision)
        return
    rows = []
    for n in options.images:
        with tempfile.TemporaryDirectory() as work:
            folder, out = Path(work) / "pictures", Path(work) / "features"
            write_files(folder, n)
            command = [sys.executable, __file__, "--precision", options.precision, "--child"]
            said, peak = peak_of([*command, str(folder), str(out)])
            facts = json.loads(said)
            size = sum(file.stat().st_size for file in out.iterdir()) / 1e6
        rate = facts["images"] / facts["seconds"]
        rows.append((f"{n:,}", f"{facts['seconds']:.1f}", f"{rate:.0f}", f"{peak:.0f}",
                     f"{size:.0f}"))  # fmt: skip
        print(f"{n:,} images: {facts['seconds']:.1f} s", flush=True)
    columns = ("images", ">seconds", ">images a second", ">peak MB", ">Parquet MB")
    Console(width=100).print(Table(f"shards.extract, {options.precision}", columns, tuple(rows)))


if __name__ == "__main__":
    main()
