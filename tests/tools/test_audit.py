"""Known faults of what is installed: found, none, or nobody could be asked."""

import json
import os
import sys

import audit as tool
import pytest

CLEAN = {"name": "torch", "version": "2.10", "vulns": []}
FAULTY = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.1"], "description": "…"}],
}
SKIPPED = {"name": "own", "skip_reason": "not on PyPI"}


@pytest.fixture
def pip_audit(tmp_path):
    """Return a function that makes a program which answers as pip-audit does."""

    def make(answer, words=""):
        file = tmp_path / "pip-audit"
        file.write_text(
            f"#!{sys.executable}\nimport sys\nprint({answer!r})\n"
            f"print({words!r}, file=sys.stderr)\nsys.exit(1)\n"
        )
        file.chmod(0o755)
        return [os.fspath(file), os.fspath(tmp_path)]

    return make


@pytest.mark.parametrize(
    ("found", "code", "said"),
    [
        ([CLEAN, SKIPPED], 0, "2 packages, 0 known faults"),
        ([CLEAN, FAULTY], 1, "pillow 9.0: PYSEC-1, mended in 9.1\n2 packages, 1 known faults"),
    ],
)
def test_what_is_known_is_listed(pip_audit, capsys, found, code, said):
    assert tool.main(pip_audit(json.dumps({"dependencies": found, "fixes": []}))) == code
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", "[]", "{", "no JSON"])
def test_where_nobody_could_be_asked_another_code_says_so(pip_audit, capsys, answer):
    assert tool.main(pip_audit(answer, "ERROR: Connection refused")) == tool.UNASKED == 3
    assert "could not be asked: ERROR: Connection refused" in capsys.readouterr().err
