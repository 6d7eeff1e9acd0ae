"""A cache that several users of a machine share: one writes, others read."""

import os
import subprocess
import sys
import tempfile

import pytest
import torch

from featlib.engine import cache

by_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)


@pytest.fixture
def shared(monkeypatch):
    """Return an entry in a folder that anybody may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory(prefix="featlib-shared-") as folder:
        os.chmod(folder, 0o755)
        monkeypatch.setenv("FEATLIB_CACHE_DIR", folder)
        path = cache.entry("features", "0a1b" * 16)
        before = os.umask(0o022)
        cache.write(path, torch.ones(3, 4))
        os.umask(before)
        yield path


AS_NOBODY = """
import logging, os, sys, torch
logging.basicConfig(format="%(message)s", level=logging.WARNING)
from pathlib import Path
from featlib.engine import cache
if not os.geteuid():
    os.setegid(65534)
    os.seteuid(65534)
path = Path(sys.argv[1])
for _ in range(2):
    print(cache.has(path), cache.read(path)[0] is not None)
    cache.write(path, torch.zeros(1))
    cache.write(path.with_name("0" * 64 + ".safetensors"), torch.zeros(1))
"""


def as_nobody(path):
    """Read an entry and write it and another one as a second user, twice."""
    answer = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, path], capture_output=True, text=True, timeout=100
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split("\n")[:-1], answer.stderr.splitlines()


@by_root
def test_a_second_user_reads_what_the_first_has_kept(shared):
    before = shared.read_bytes()
    said, logged = as_nobody(shared)
    assert said == ["True True"] * 2
    [line] = logged
    assert "nothing is kept, since" in line
    assert line.endswith("cannot be written: Permission denied")
    assert [path.name for path in shared.parent.iterdir()] == [shared.name]
    assert shared.read_bytes() == before


@by_root
def test_an_entry_that_a_second_user_may_not_read_is_said_once_and_stays(shared):
    before = shared.read_bytes()
    shared.chmod(0o600)
    shared.parent.chmod(0o777)  # so they might replace it
    said, logged = as_nobody(shared)
    assert said == ["False False"] * 2
    [line] = logged
    assert f"'{shared}' is not readable" in line
    assert shared.read_bytes() == before
    assert len(list(shared.parent.iterdir())) == 2, "the other entry was kept"


AS_LEARNER = """
import os, sys, torch
from pathlib import Path
from featlib.engine import cache
os.umask(0o077)
os.setegid(int(sys.argv[1]))
os.seteuid(int(sys.argv[1]))
for digest in sys.argv[2:]:
    path = cache.entry("features", digest)
    if cache.read(path)[0] is None:
        cache.write(path, torch.ones(2))
        print("kept" if cache.has(path) else "lost")
    else:
        print("read")
"""


@by_root
def test_learners_who_open_nothing_to_others_still_share_what_they_compute(monkeypatch):
    """Each has a umask of 077, and the folder is as open as /tmp."""
    with tempfile.TemporaryDirectory(prefix="featlib-shared-") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setenv("FEATLIB_CACHE_DIR", folder)
        said = []
        for learner, digests in ((65533, ["a" * 64]), (65534, ["a" * 64, "b" * 64])):
            command = [sys.executable, "-c", AS_LEARNER, str(learner), *digests]
            found = subprocess.run(command, capture_output=True, text=True, timeout=100)
            assert (found.returncode, found.stderr) == (0, "")
            said += found.stdout.split()
        assert said == ["kept", "read", "kept"]
