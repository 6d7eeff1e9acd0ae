"""What all tests share: no test touches the user's folders or needs a network."""

import http.server
import json
import os
import re
import sys
import threading
from functools import partial
from pathlib import Path

# Several workers with several threads each would wait for each other. Set before torch is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# pytest's workers have the width of its terminal in it, and what is tested would follow.
os.environ.pop("COLUMNS", None)

# jsonschema would build 38 grammars with it, in four seconds, to check what no notebook holds.
sys.modules["rfc3987_syntax"] = None

import psutil
import pytest
import torch
from helpers import make_pictures, seeded
from hypothesis import HealthCheck, settings

from featlib import backbone, cli, images

GIGABYTE = 10**9

# In the daily run each property is tried fifty times, and always with the same inputs.
# Without a deadline: seconds of the clock pass on a busy machine while nothing is done.
QUIET = {"suppress_health_check": list(HealthCheck), "database": None, "deadline": None}
settings.register_profile("daily", max_examples=50, derandomize=True, **QUIET)
settings.register_profile("long", max_examples=6100, **QUIET)
settings.load_profile("daily")


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory):
    """Keep features and answers in temporary folders; parallel workers share their features."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATLIB_CACHE_DIR", str(shared / "cache"))
        patch.setenv("FEATLIB_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        patch.delenv("FEATLIB_VARIANT", raising=False)
        yield


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    """Return a cache folder of the test's own."""
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def emoji10():
    return images.load("emoji10")


@pytest.fixture(scope="session")
def resnet():
    return backbone.resnet18()


@pytest.fixture
def pixels():
    """Return twelve random images, uint8 12×3×64×64."""
    return torch.randint(0, 256, (12, 3, 64, 64), dtype=torch.uint8, generator=seeded())


@pytest.fixture
def blobs():
    """Return features that a line separates: float32 90×8 and int64 labels of three classes."""
    labels = torch.arange(90) % 3
    centers = torch.eye(3, 8) * 4
    return centers[labels] + torch.randn(90, 8, generator=seeded()), labels


@pytest.fixture
def picture_folder(tmp_path):
    """Return a folder of two classes, six noisy PNGs each, red and blue."""
    return make_pictures(tmp_path / "pictures", {"red": (200, 40, 40), "blue": (40, 40, 200)})


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Return a function that runs a command line and returns exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        try:
            code = cli.main([str(word) for word in words])
        except SystemExit as leaving:
            code = leaving.code
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def undrawn(monkeypatch):
    """Leave figures undrawn, which takes a second a report: for tests of what is around them."""
    monkeypatch.setattr("featlib.plots.Figure.png", lambda self, dpi=None: self.alt.encode())


@pytest.fixture
def server(tmp_path):
    """Serve the test's folder over HTTP on this machine."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        soon = {"poll_interval": 0.01}  # seconds until it sees that it is to stop
        threading.Thread(target=server.serve_forever, kwargs=soon, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def write_quiz(tmp_path):
    """Return a function that writes a quiz file, from text or from what it is to hold."""

    def write(data, name="mine.json"):
        path = tmp_path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return path

    return write


@pytest.fixture
def memory_stays_bounded():
    """No input may take more than a gigabyte on top of what the process holds already."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():  # Linux can forget the peak so far
        forget.write_text("5")
    before = _peak()
    yield
    assert _peak() - before < GIGABYTE


def _peak():
    """Return the most bytes that this process has held so far; on Linux, since it was reset."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
