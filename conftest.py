"""The examples in the docstrings run as the tests do: without touching the user's folders."""

import os

import pytest


@pytest.fixture(autouse=True)
def _folders_of_an_example(request):
    """Give each example a working folder and answers of its own; all share their features."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    temporary = request.getfixturevalue("tmp_path_factory")
    own, shared = temporary.mktemp("example"), temporary.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEATLIB_CACHE_DIR", str(shared / "cache"))
        patch.setenv("FEATLIB_DATA_DIR", str(own / "data"))
        patch.chdir(own)
        yield
