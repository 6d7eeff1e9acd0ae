"""`featlib lab`: JupyterLab for whoever sits at this machine, and for nobody else."""

import http.client
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import closing

import psutil
import pytest


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Start `featlib lab` and return its process and the address that it prints."""
    words = ["--no-browser", "--allow-root", "--ServerApp.port=0"]
    command = [sys.executable, "-m", "featlib", "lab", *words]
    folder = tmp_path_factory.mktemp("lab") / "my nötebooks 家"
    folder.mkdir()
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as running:
        found = (re.search(r"http://127\S+token=\w+", line) for line in running.stderr)
        address = next(match for match in found if match)[0]
        while not _answers(address):
            time.sleep(0.1)
        yield running, address
        for process in psutil.Process(running.pid).children(recursive=True):
            process.kill()


def _answers(url):
    """Say whether somebody listens: the address is printed a moment before."""
    try:
        return _status(url)
    except urllib.error.URLError:
        return False


def _status(url):
    try:
        return urllib.request.urlopen(url).status
    except urllib.error.HTTPError as error:
        return error.code


def _read(address):
    """Return what the server says of the file that an address opens in JupyterLab."""
    place, token = address.split("?token=")
    server, path = place.split("/lab/tree/")
    with urllib.request.urlopen(f"{server}/api/contents/{path}?token={token}") as answer:
        return json.load(answer)


def test_the_printed_address_opens_the_learners_copy_of_the_first_notebook(lab):
    address = lab[1]
    assert "/lab/tree/featlib-notebooks/00_start_here.ipynb?token=" in address
    assert _status(address) == 200
    opened = _read(address)
    assert (opened["type"], opened["path"]) == (
        "notebook", "featlib-notebooks/00_start_here.ipynb",
    )  # fmt: skip
    assert "Why reuse a network?" in json.dumps(opened["content"])
    assert _status(address.replace("/lab/tree/", "/api/contents/").replace("00_", "none_")) == 404


def test_only_this_machine_reaches_it(lab):
    running, _ = lab
    processes = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
    listening = [c.laddr.ip for p in processes for c in p.net_connections() if c.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}


def test_nobody_gets_in_without_the_token(lab):
    start, token = lab[1].split("?token=")
    server = start.split("/lab")[0]
    for place in ("/api/contents", "/api/kernels", "/api/sessions", "/api/terminals"):
        assert _status(f"{server}{place}") == 403, place
        assert _status(f"{server}{place}?token=wrong") == 403, place
        assert _status(f"{server}{place}?token={token}") == 200, place


def test_another_page_cannot_start_a_kernel(lab):
    """A page of another origin in the same browser holds no token of ours."""
    start, token = lab[1].split("?token=")
    server = start.split("/lab")[0]
    with closing(http.client.HTTPConnection(server.removeprefix("http://"))) as connection:
        connection.request("POST", "/api/kernels", headers={"Origin": "https://elsewhere.example"})
        assert connection.getresponse().status >= 400
    with urllib.request.urlopen(f"{server}/api/kernels?token={token}") as answer:
        assert json.load(answer) == []
