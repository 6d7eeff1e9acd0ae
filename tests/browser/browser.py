"""Find a Chromium, or install one where that is possible."""

import os
import shutil
import subprocess
import sys

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")


def find(playwright):
    """Return the path of a Chromium: the system's, else playwright's own; None if there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    own = playwright.chromium.executable_path
    return own if os.path.exists(own) else None


def install():
    """Try to install a Chromium; return what was tried and how it ended."""
    tries = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        wait = ["--option", "DPkg::Lock::Timeout=300"]  # seconds, for another apt-get to end
        fetch = ["apt-get", "install", "--yes", *wait, "chromium"]
        tries = [["apt-get", "update"], fetch, *tries]
    said = []
    for command in tries:
        print("installing a browser:", *command, file=sys.stderr, flush=True)
        run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        said.append(f"{' '.join(command)}: exit code {run.returncode}\n{run.stderr[-500:]}")
        if any(map(shutil.which, NAMES)):
            break
    return "\n".join(said)
