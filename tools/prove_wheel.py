"""Prove that a built wheel works: in an environment of its own, away from the checkout.

    python tools/prove_wheel.py dist          # all dependencies from the package index
    python tools/prove_wheel.py --fast dist   # the dependencies of .venv, in seconds

The wheel and the sdist are looked into. Then the wheel is installed, and used as a learner does:
``featlib run``, ``featlib doctor``, every quiz, and ``featlib lab`` in an empty folder. The first
fault ends it, with exit code 1. It needs Python alone.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from email import message_from_string
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
START = "00_start_here.ipynb"
TOKEN = "a-token-for-the-proof"
PATIENCE = 120  # seconds for JupyterLab to start

# What the wheel may not hold, and what the sdist may not.
NOT_IN_WHEEL = (
    "*conftest.py",
    "*.pyc",
    "*test_*.py",
    "tests/*",
    "*/tests/*",
    "*.ipynb_checkpoints*",
)
NOT_IN_SDIST = (".github/*", "*.pyc", ".venv*/*", "build/*", "dist/*", "benchmarks/*.png")
# What the sdist must hold besides what is in the wheel, so that its tests can run.
IN_SDIST = (
    "tests/conftest.py",
    "tests/test_package.py",
    "notebooks/conftest.py",
    "tools/README.md",
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "environment.yml",
    ".ci/run",
    "conftest.py",
)
# A link that leads nowhere on PyPI: to a place beside the README.
RELATIVE_LINK = re.compile(r"""(?:\]\(|(?:href|src)=["'])(?![a-z]+:|#)([^)"'\s]+)""")

ALL_QUIZZES = """
from featlib import quiz
for name in quiz.names():
    assert quiz.load(name).questions, name
assert quiz.load_deck()
print(len(quiz.names()))
"""
PLACE = "import featlib; print(featlib.__file__)"


class Fault(Exception):
    """The wheel is not as it should be."""


def demand(holds: object, words: str) -> None:
    """Raise `Fault` with these words unless something holds."""
    if not holds:
        raise Fault(words)


def names_in_checkout(root: Path = ROOT) -> set[str]:
    """Return what of a checkout belongs into the wheel, by its place in the wheel.

    Parameters
    ----------
    root : pathlib.Path
        The checkout.

    Returns
    -------
    set of str
        Such as ``featlib/assets/notebooks/00_start_here.ipynb``.
    """
    found = {path.relative_to(root).as_posix() for path in (root / "featlib").rglob("*")}
    for name in ("notebooks", "quizzes"):
        found |= {f"featlib/assets/{name}/{path.name}" for path in (root / name).iterdir()}
    files = {name for name in found if Path(name).suffix or Path(name).name == "LICENSE"}
    return {name for name in files if not _matches(name, (*NOT_IN_WHEEL, "*/__pycache__*"))}


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def check_wheel(wheel: Path, wanted: set[str]) -> None:
    """Look into a wheel.

    Parameters
    ----------
    wheel : pathlib.Path
        The file.
    wanted : set of str
        What it must hold.

    Raises
    ------
    Fault
        If something is missing, is there that should not be, or a link in the description is
        relative.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (n for n in names if n.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    missing = sorted(wanted - set(names))
    demand(not missing, f"{wheel.name} lacks {', '.join(missing)}")
    surplus = [name for name in names if _matches(name, NOT_IN_WHEEL)]
    demand(not surplus, f"{wheel.name} should not hold {', '.join(surplus)}")
    check_metadata(text)


def check_metadata(text: str) -> None:
    """Check the license and the description in a wheel's metadata.

    Parameters
    ----------
    text : str
        The file METADATA.

    Raises
    ------
    Fault
        If the license is missing, or the description has a link that PyPI cannot follow.
    """
    metadata = message_from_string(text)
    demand(metadata["License-Expression"] == "MIT", "the metadata name no license")
    demand(metadata.get_all("License-File"), "the metadata name no license file")
    links = RELATIVE_LINK.findall(str(metadata.get_payload()))
    demand(not links, f"links of the description that are relative: {', '.join(links)}")
    demand(metadata["Description-Content-Type"] == "text/markdown", "the README is no Markdown")


def check_sdist(sdist: Path, wanted: Iterable[str] = IN_SDIST) -> None:
    """Look into an sdist.

    Parameters
    ----------
    sdist : pathlib.Path
        The file.
    wanted : iterable of str
        What it must hold.

    Raises
    ------
    Fault
        If something is missing, or is there that should not be.
    """
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    missing = sorted(set(wanted) - names)
    demand(not missing, f"{sdist.name} lacks {', '.join(missing)}")
    surplus = sorted(name for name in names if _matches(name, NOT_IN_SDIST))
    demand(not surplus, f"{sdist.name} should not hold {', '.join(surplus)}")


@dataclass(frozen=True)
class Environment:
    """An environment with the wheel, and an empty working folder.

    Attributes
    ----------
    folder : pathlib.Path
        The environment.
    work : pathlib.Path
        Where its commands run.
    variables : dict of str to str
        Environment variables of its commands.
    """

    folder: Path
    work: Path
    variables: dict[str, str]

    @property
    def scripts(self) -> Path:
        """pathlib.Path: where its commands are."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin")

    @property
    def python(self) -> str:
        """str: its Python."""
        return str(self.scripts / ("python.exe" if os.name == "nt" else "python"))

    def run(self, *words: str) -> str:
        """Run one of its commands and return what it prints; a failure is a `Fault`."""
        done = subprocess.run(
            [str(self.scripts / words[0]), *words[1:]],
            cwd=self.work,
            env=self.variables,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        said = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        demand(done.returncode == 0, f"{' '.join(words)}: exit code {done.returncode}\n{said}")
        return done.stdout


def clean_variables(folder: Path) -> dict[str, str]:
    """Return the environment's variables without what could lead to another featlib.

    Parameters
    ----------
    folder : pathlib.Path
        Where what featlib and Jupyter keep for their user goes.

    Returns
    -------
    dict of str to str
    """
    strange = ("PYTHON", "JUPYTER", "FEATLIB", "VIRTUAL_ENV", "CONDA")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
    own = {
        "FEATLIB_CACHE_DIR": folder / "cache",
        "FEATLIB_DATA_DIR": folder / "data",
        "JUPYTER_CONFIG_DIR": folder / "jupyter-config",
        "JUPYTER_DATA_DIR": folder / "jupyter-data",
        "JUPYTER_RUNTIME_DIR": folder / "jupyter-runtime",
        "IPYTHONDIR": folder / "ipython",
    }
    return kept | {name: str(path) for name, path in own.items()} | {"PYTHONUTF8": "1"}


def install(wheel: Path, folder: Path, borrowed: Path | None = None) -> Environment:
    """Make an environment and install the wheel in it.

    Parameters
    ----------
    wheel : pathlib.Path
        The file.
    folder : pathlib.Path
        A new, empty folder.
    borrowed : pathlib.Path, optional
        An environment whose packages are used in place of new ones.

    Returns
    -------
    Environment
    """
    made = Environment(folder / "environment", folder / "work", clean_variables(folder))
    made.work.mkdir()
    venv.create(made.folder, with_pip=True, symlinks=os.name != "nt")
    words = ["-m", "pip", "install", "--quiet", str(wheel.resolve())]
    if borrowed:
        _borrow(made, borrowed)
        words.append("--no-deps")
    made.run("python", *words)
    if not borrowed:
        made.run("python", "-m", "pip", "check")
    return made


def _borrow(made: Environment, other: Path) -> None:
    """Let an environment see the packages of another one, but not what that one only points to.

    Python reads .pth files in site-packages alone, not in folders that such a file names. So an
    editable featlib of the other environment is not seen.
    """
    demand(os.name == "posix", "--fast works on Linux and macOS alone")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = Path(made.run("python", "-c", ask).strip())
    python = str(other / "bin" / "python")
    theirs = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout
    (own / "borrowed.pth").write_text(theirs, encoding="utf-8")
    # JupyterLab's files, the widgets' and the kernel's lie beside the packages.
    share = other / "share" / "jupyter"
    made.variables["JUPYTER_PATH"] = str(share)
    made.variables["JUPYTERLAB_DIR"] = str(share / "lab")
    # `jupyter lab` is the command jupyter-lab, which must run in this environment.
    command = made.scripts / "jupyter-lab"
    command.write_text(f"#!{made.python}\nfrom jupyterlab.labapp import main\nmain()\n")
    command.chmod(0o755)


def check_place(made: Environment) -> str:
    """Check that featlib is the installed one."""
    place = Path(made.run("python", "-c", PLACE).strip()).resolve()
    inside = made.folder.resolve() in place.parents and "site-packages" in place.parts
    demand(inside, f"featlib was imported from {place}")
    return "featlib is imported from site-packages"


def check_run(made: Environment) -> str:
    """Check that the five stages run, and leave a report."""
    facts = json.loads(made.run("featlib", "run", "--json"))
    demand(len(facts["data_flow"]) == 5, f"{len(facts['data_flow'])} stages in the data flow")
    demand(not facts["features_from_cache"], "the features came from somebody else's cache")
    demand((made.work / facts["report"]).is_file(), "no report was written")
    accuracy = facts["validation"]["accuracy"]
    demand(accuracy > 0.5, f"an accuracy of {accuracy} on ten classes")
    return f"featlib run: accuracy {accuracy:.2f} in {facts['seconds']:.1f} s"


def check_doctor(made: Environment) -> str:
    """Check that nothing is wrong with the environment."""
    made.run("featlib", "doctor")
    return "featlib doctor finds nothing wrong"


def check_quizzes(made: Environment) -> str:
    """Check that every quiz and the flashcards load."""
    count = int(made.run("python", "-c", ALL_QUIZZES))
    here = len(list((ROOT / "notebooks").glob("*.ipynb")))
    demand(count >= here, f"{count} quizzes for {here} notebooks")
    return f"{count} quizzes and the flashcards load"


def check_lab(made: Environment) -> str:
    """Check that JupyterLab starts in an empty folder and has copies of the notebooks."""
    empty = made.work / "empty"
    empty.mkdir()
    # Port 0: the system chooses a free one, which no other program can take in between.
    words = ["lab", "--no-browser", "--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}"]
    words.append("--ServerApp.allow_root=True")
    log = made.work / "lab.log"
    with log.open("wb") as file:
        command = [str(made.scripts / "featlib"), *words]
        with subprocess.Popen(
            command,
            cwd=empty,
            env=made.variables,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that it can be ended with all that it started
        ) as server:
            try:
                listed = _ask_server(server, log)
            finally:
                _stop(server, log)
    wanted = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    copies = {path.name for path in (empty / "featlib-notebooks").glob("*.ipynb")}
    demand(copies == wanted, f"copied notebooks: {sorted(copies)}")
    demand(wanted <= listed, f"the server lists {sorted(listed)}")
    return f"featlib lab serves {len(copies)} notebooks"


def _ask_server(server: subprocess.Popen[bytes], log: Path) -> set[str]:
    """Open the page whose address is printed; return the names beside the first notebook."""
    until = time.monotonic() + PATIENCE
    while not (printed := printed_address(log)) or not _answers(printed[0]):
        code, late = server.poll(), time.monotonic() > until
        why = f"ended with exit code {code}" if code is not None else "did not start in time"
        demand(code is None and not late, f"featlib lab {why}:\n{_tail(log)}")
        time.sleep(0.2)
    url, place = printed
    demand(b"jupyter" in _request(f"{url}/lab/tree/{place}"), f"no page for {place}")
    demand(json.loads(_request(f"{url}/api/contents/{place}"))["content"], f"{place} is empty")
    folder = place.rpartition("/")[0]
    listing = json.loads(_request(f"{url}/api/contents/{folder}"))
    return {item["name"] for item in listing["content"]}


def printed_address(log: Path) -> tuple[str, str] | None:
    """Return what the server has printed, if it has.

    Parameters
    ----------
    log : pathlib.Path
        What it prints.

    Returns
    -------
    tuple of (str, str), or None
        Its address, and the place of the first notebook on it.
    """
    pattern = rf"(http://127\.0\.0\.1:\d+)/lab/tree/(\S*{re.escape(START)})"
    found = re.search(pattern, _tail(log))
    return (found[1], found[2]) if found else None


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-5000:]


def _answers(url: str) -> bool:
    try:
        return bool(_request(f"{url}/api"))
    except (OSError, Fault):
        return False


def _request(url: str, method: str = "GET") -> bytes:
    request = urllib.request.Request(url, method=method)
    request.add_header("Authorization", f"token {TOKEN}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Fault(f"{method} {url}: {error}") from error


def _stop(server: subprocess.Popen[bytes], log: Path) -> None:
    """Ask the server to end, so that its own processes end, too."""
    try:
        if printed := printed_address(log):
            _request(f"{printed[0]}/api/shutdown", "POST")
            server.wait(timeout=30)
    except (OSError, Fault, subprocess.TimeoutExpired):
        pass  # then by force
    if server.poll() is None and os.name == "posix":
        os.killpg(server.pid, signal.SIGKILL)
    server.kill()


def only_one(folder: Path, ending: str) -> Path:
    """Return the one file of a folder that ends in a certain way.

    Raises
    ------
    Fault
        If there is none, or more than one.
    """
    found = sorted(folder.glob(f"*{ending}"))
    demand(len(found) == 1, f"{len(found)} files *{ending} in {folder}, wanted one")
    return found[0]


def prove(dist: Path, borrowed: Path | None = None) -> None:
    """Look into wheel and sdist, then install the wheel and use it.

    Parameters
    ----------
    dist : pathlib.Path
        The folder of the wheel and the sdist.
    borrowed : pathlib.Path, optional
        An environment whose packages are used in place of new ones.

    Raises
    ------
    Fault
        At the first thing that is wrong.
    """
    wheel, sdist = only_one(dist, ".whl"), only_one(dist, ".tar.gz")
    wanted = names_in_checkout()
    check_wheel(wheel, wanted)
    print(f"✓ {wheel.name} holds {len(wanted)} files of the checkout, and no tests", flush=True)
    check_sdist(sdist)
    print(f"✓ {sdist.name} holds what its tests need", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="featlib-wheel-"))
    try:
        made = install(wheel, folder, borrowed)
        print("✓ the wheel is installed", flush=True)
        for check in (check_place, check_run, check_doctor, check_quizzes, check_lab):
            print(f"✓ {check(made)}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Prove what the command line names; return 0 if all is well, else 1."""
    parser = argparse.ArgumentParser(description="Prove that a built wheel works.")
    parser.add_argument("dist", type=Path, help="the folder with the wheel and the sdist")
    parser.add_argument(
        "--fast", action="store_true", help="take the dependencies from --venv, download none"
    )
    parser.add_argument(
        "--venv", type=Path, default=ROOT / ".venv", help="the environment for --fast (.venv)"
    )
    options = parser.parse_args()
    try:
        prove(options.dist, options.venv.absolute() if options.fast else None)
    except Fault as fault:
        print(f"✗ {fault}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
