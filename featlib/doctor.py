"""What is installed, what is cached, what is wrong, and how to fix it."""

import importlib
import importlib.metadata
import logging
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from featlib import variants
from featlib.engine import paths
from featlib.engine.assets import read_published
from featlib.engine.files import sha256
from featlib.engine.words import reason
from featlib.tables import Table

__all__ = ["Finding", "examine", "table"]

ASSETS = Path(__file__).parent / "assets"
WIDGETS = {"jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}
# Jupyter starts the running interpreter in place of these.
_MAJOR, _MINOR = sys.version_info[:2]
_BARE = ("python", f"python{_MAJOR}", f"python{_MAJOR}.{_MINOR}")
_MEASURED = ("pictures.json", "strategies.json")  # what scripts measured once, for notebook 09
MEMORY_NEEDED = 2 * 2**30  # bytes; a cold `featlib run` peaks below this


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes
    ----------
    what : str
        What was looked at.
    found : str
        What was found.
    fix : str
        How to fix it; empty if all is well.
    """

    what: str
    found: str
    fix: str = ""


def examine() -> list[Finding]:
    """Look at everything that the lesson needs.

    Returns
    -------
    list of Finding
        Those with a `fix` are faults.
    """
    return [
        *_looked("Python", _python),
        *_looked("packages", _packages),
        *_looked("widgets", _widgets),
        *_looked("device", _device),
        *_looked("free memory", _memory),
        *_looked("bundled files", _bundled_files),
        *_looked("cache folder", _cache_folder),
        *_looked("cache entries", _cache_entries),
        *_looked("folder of your answers", _data_folder),
        *_looked("your answers", _answers),
        *_looked("your variant", _variant),
        *_looked("notebook kernel", _kernel),
    ]


def _looked(what: str, look: Callable[[], Finding | Iterable[Finding]]) -> list[Finding]:
    """Return what a look finds; that it fails is a finding, too, and hides no other."""
    findings: list[Finding] = []
    try:
        found = look()
        for finding in [found] if isinstance(found, Finding) else found:
            findings.append(finding)  # one by one: those before an error stay
    except Exception as error:  # a broken machine can raise anything
        why = f"cannot be examined: {type(error).__name__}: {reason(error)}"
        fix = "Mend what the error names; if it is featlib itself, reinstall it."
        findings.append(Finding(what, why, fix))
    return findings


def table(findings: Sequence[Finding]) -> Table:
    """Show findings as a table for the terminal.

    Parameters
    ----------
    findings : sequence of Finding
        From `examine`.

    Returns
    -------
    featlib.tables.Table
        A row for each; a fault begins with ✗.
    """
    rows = tuple(("✗" if f.fix else "✓", f.what, f.found, f.fix) for f in findings)
    return Table("What featlib needs", ("", "what", "found", "how to fix it"), rows)


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    old = "" if sys.version_info >= (3, 10) else "Install Python 3.10 or newer."
    return Finding("Python", f"{version} at {sys.executable}", old)


def _packages() -> Iterator[Finding]:
    for name in ("torch", "torchvision"):
        try:
            importlib.import_module(name)
        except Exception as error:  # a broken install can raise anything, and that is the finding
            # torchvision's compiled part fits only the torch that it was built for.
            fix = "python -m pip install --force-reinstall torch torchvision"
            yield Finding(name, f"{type(error).__name__}: {error}"[:120], fix)
        else:
            yield Finding(name, importlib.metadata.version(name))
    for name in ("jupyterlab", "ipywidgets", "anywidget", "matplotlib"):
        try:
            yield Finding(name, importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "not installed", f"python -m pip install {name}")


def _widgets() -> Iterator[Finding]:
    """Check that JupyterLab finds what draws the quizzes; pip may have put it elsewhere."""
    from jupyter_core.paths import jupyter_path

    for package, extension in WIDGETS.items():
        places = [Path(path) / extension for path in jupyter_path("labextensions")]
        there = any((place / "package.json").is_file() for place in places)
        fix = "" if there else f"python -m pip install --force-reinstall {package}"
        yield Finding(f"widgets of {package}", "found" if there else "not in JupyterLab", fix)


def _device() -> Finding:
    try:
        import torch
    except Exception:  # reported by _packages
        return Finding("device", "unknown without torch", "Fix torch first.")
    if torch.cuda.is_available():
        found = f"CUDA, {torch.cuda.get_device_name(0)}"
    elif torch.backends.mps.is_available():
        found = "Apple MPS"
    else:
        found = f"CPU, {torch.get_num_threads()} threads{_unused(torch)}"
    return Finding("device", found)


def _unused(torch: Any) -> str:
    """Say what the CUDA packages of PyTorch take where no GPU uses them."""
    if torch.version.cuda is None:
        return ""
    packages = Path(torch.__file__).parents[1]
    size = sum(file.stat().st_size for file in (packages / "nvidia").rglob("*") if file.is_file())
    return (
        ""
        if not size
        else (
            f"; {size / 1e9:.1f} GB of CUDA lie unused. To be rid of them, in a clone: "
            "make clean && make run TORCH=cpu"
        )
    )


def _memory() -> Finding:
    free = psutil.virtual_memory().available
    low = "Close other programs." if free < MEMORY_NEEDED else ""
    return Finding("free memory", f"{free / 2**30:.1f} GiB", low)


def _bundled_files() -> Iterator[Finding]:
    endings = ("safetensors", "onnx", "zip")
    data = (path for ending in endings for path in ASSETS.glob(f"*.{ending}"))
    return map(_bundled, [*sorted(data), *(ASSETS / name for name in _MEASURED)])


def _bundled(path: Path) -> Finding:
    try:
        facts = read_published(path.with_suffix(".json"))
        intact = path.suffix == ".json" or sha256(path) == facts["sha256"]
    except (OSError, ValueError):  # of the file or of the card beside it
        intact = False
    fix = "" if intact else "Reinstall featlib, or check the file out again."
    return Finding(path.name, "complete" if intact else "altered or cut off", fix)


def _cache_folder() -> Finding:
    folder = paths.cache_dir()
    finding = _folder("cache folder", folder, "FEATLIB_CACHE_DIR")
    # A teacher may fill one for all, where learners may read alone.
    if finding.fix and any(os.access(path, os.R_OK) for path in folder.glob("*/*.safetensors")):
        return Finding(finding.what, f"{folder}: to read only; nothing new is kept")
    return finding


def _data_folder() -> Finding:
    return _folder("folder of your answers", paths.data_dir(), "FEATLIB_DATA_DIR")


def _folder(what: str, folder: Path, variable: str) -> Finding:
    if str(folder).startswith("~"):
        fix = f"Set {variable} to a folder that you can write to."
        return Finding(what, f"{folder}: there is no such user", fix)
    existing = next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Finding(what, str(folder))
    except OSError as error:
        fix = f"Set {variable} to a folder that you can write to."
        return Finding(what, f"{folder}: {error.strerror}", fix)


def _cache_entries() -> Finding:
    try:
        from featlib.engine import cache
    except Exception:  # reported by _packages
        return Finding("cache entries", "unknown without torch", "Fix torch first.")
    files, size = (sum(numbers) for numbers in zip(*cache.usage().values(), strict=True))
    found = f"{files} files, {size / 1e6:.1f} MB; features and pictures may take "
    found += f"{cache.limit() / 1e9:g} GB"
    faults = [(entry, fault) for entry in cache.entries() if (fault := cache.examine(entry)[2])]
    if not faults:
        return Finding("cache entries", found)
    entry, fault = faults[0]
    fix = f"Delete {entry.name}; it is made again when needed."
    if fault == "not readable":
        fix = f"Ask the owner of {entry} for the right to read it."
    counted = Counter(fault for _, fault in faults)
    counts = ", ".join(f"{n} {fault}" for fault, n in counted.items())
    return Finding("cache entries", f"{found}; {counts}", fix)


def _answers() -> Finding:
    from featlib import quiz

    log = logging.getLogger("featlib")
    before, log.disabled = log.disabled, True  # the table says the same
    try:
        progress = quiz.Progress()
        answers = len(progress.answers())
        aside = sorted(progress.path.parent.glob(f"{progress.path.stem}-damaged-*"))
    except OSError as error:
        fix = "Get the right to read it, or set FEATLIB_DATA_DIR to another folder."
        if isinstance(error, TimeoutError):
            fix = "Another program holds the lock: restart the kernels of other notebooks."
        return Finding("your answers", reason(error), fix)
    finally:
        log.disabled = before
    if not aside:
        return Finding("your answers", f"{answers}")
    found = f"{answers}, and what was damaged in {aside[-1].name}"
    return Finding("your answers", found, f"Look for lines to save in it; then delete {aside[-1]}.")


def _variant() -> Iterator[Finding]:
    if found := variants.current():
        yield Finding("your variant", found)


def _kernel() -> Finding:
    """Check that notebooks run in this environment and not in another one."""
    what, fix = "notebook kernel", "python -m ipykernel install"
    try:
        from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
    except ImportError as error:
        return Finding(what, reason(error), "python -m pip install jupyterlab")
    try:
        specs = KernelSpecManager()
        folder = specs.find_kernel_specs().get("python3", sys.prefix)
        # What is installed at the same place replaces it; elsewhere it might stay in the shade.
        fix += " --sys-prefix" if Path(folder).is_relative_to(sys.prefix) else " --user"
        argv = specs.get_kernel_spec("python3").argv
    except NoSuchKernel:
        return Finding(what, "none", fix)
    except Exception as error:  # a damaged kernel.json can raise anything, and that is the finding
        return Finding(what, f"damaged: {reason(error)}", fix)
    intact = all(isinstance(part, str) and "\0" not in part for part in argv)
    if not (intact and argv and argv[0]):
        return Finding(what, f"damaged: argv is {argv!r}, which starts no program"[:200], fix)
    command = argv[0].replace("{prefix}", sys.prefix)
    path = shutil.which(command)
    if command in _BARE or _is_this_python(path or command):
        return Finding(what, "this Python")
    is_path = os.path.dirname(command) != ""
    if path or (is_path and os.path.exists(command)):
        found = command if is_path else f"the command '{command}', which is {path}"
        return Finding(what, found, fix)
    gone = f"{command}, which is not there" if is_path else f"'{command}', no command on PATH"
    return Finding(what, gone, fix)


def _is_this_python(command: str) -> bool:
    """Compare the folders, too: the Python of an environment is often a link to the system's."""
    here = Path(sys.executable)
    try:
        return here.samefile(command) and here.parent.samefile(Path(command).parent)
    except (OSError, ValueError):  # an environment that was removed, or no path at all
        return False
