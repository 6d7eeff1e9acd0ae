"""What `make wheel` refuses."""

import io
import tarfile
import zipfile

import prove_wheel as tool
import pytest

METADATA = """Metadata-Version: 2.4
Name: featlib
License-Expression: MIT
License-File: LICENSE
Description-Content-Type: text/markdown

See [the notebooks](https://example.org/notebooks) or [below](#license).
"""
DIST_INFO = "featlib-0.1.0.dist-info/METADATA"


@pytest.fixture
def wheel(tmp_path):
    """Return a function that writes a wheel with these files and this metadata."""

    def write(*names, metadata=METADATA):
        path = tmp_path / "featlib-0.1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "")
            archive.writestr(DIST_INFO, metadata)
        return path

    return write


@pytest.fixture
def sdist(tmp_path):
    """Return a function that writes an sdist with these files."""

    def write(*names):
        path = tmp_path / "featlib-0.1.0.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(f"featlib-0.1.0/{name}"), io.BytesIO())
        return path

    return write


def test_a_good_wheel_passes(wheel):
    tool.check_wheel(wheel("featlib/py.typed", "featlib/head.py"), {"featlib/py.typed"})


def test_a_wheel_that_lacks_a_file_is_named_with_it(wheel):
    with pytest.raises(tool.Fault, match=r"lacks featlib/py\.typed"):
        tool.check_wheel(wheel("featlib/head.py"), {"featlib/py.typed"})


@pytest.mark.parametrize(
    "name",
    [
        "featlib/assets/notebooks/conftest.py",
        "featlib/__pycache__/head.cpython-312.pyc",
        "tests/test_head.py",
        "featlib/tests/data.json",
        "featlib/test_head.py",
        "featlib/assets/notebooks/.ipynb_checkpoints/00_start_here.ipynb",
    ],
)
def test_what_no_learner_needs_is_not_in_the_wheel(wheel, name):
    with pytest.raises(tool.Fault, match="should not hold"):
        tool.check_wheel(wheel(name), set())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("https://example.org/notebooks", "notebooks/README.md", "relative: notebooks/README.md"),
        ("See ", '<img src="figure.png"> ', "relative: figure.png"),
        ("License-Expression: MIT\n", "License: MIT\n", "no license"),
        ("License-File: LICENSE\n", "", "no license file"),
        ("text/markdown", "text/plain", "no Markdown"),
    ],
)
def test_metadata_that_pypi_would_show_wrongly(wheel, old, new, words):
    assert old in METADATA
    with pytest.raises(tool.Fault, match=words):
        tool.check_wheel(wheel(metadata=METADATA.replace(old, new)), set())


def test_an_sdist_holds_what_its_tests_need(sdist):
    tool.check_sdist(sdist(*tool.IN_SDIST))
    with pytest.raises(tool.Fault, match=r"lacks tests/conftest\.py"):
        tool.check_sdist(sdist(*[name for name in tool.IN_SDIST if name != "tests/conftest.py"]))


@pytest.mark.parametrize("name", [".github/workflows/tests.yml", "benchmarks/extraction.png"])
def test_an_sdist_does_not_hold_what_is_the_repositorys_alone(sdist, name):
    with pytest.raises(tool.Fault, match="should not hold"):
        tool.check_sdist(sdist(*tool.IN_SDIST, name))


def test_what_the_checkout_has_for_the_wheel():
    names = tool.names_in_checkout()
    assert {
        "featlib/py.typed",
        "featlib/head.py",
        "featlib/assets/EMOJI10-LICENSES.md",
        "featlib/assets/WEIGHTS-LICENSE.md",
        "featlib/assets/reveal/LICENSE",
        "featlib/assets/emoji10.safetensors",
        "featlib/assets/notebooks/00_start_here.ipynb",
        "featlib/assets/quizzes/schema.json",
        "featlib/widgets/quiz.js",
    } <= names
    assert not [name for name in names if "conftest" in name or "__pycache__" in name]


def test_the_proof_sees_no_other_featlib(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/a/checkout")
    monkeypatch.setenv("FEATLIB_CACHE_DIR", "/somebody/elses/cache")
    monkeypatch.setenv("JUPYTER_PATH", "/somebody/elses/kernels")
    monkeypatch.setenv("KEPT", "yes")
    variables = tool.clean_variables(tmp_path)
    assert "PYTHONPATH" not in variables
    assert "JUPYTER_PATH" not in variables
    assert variables["FEATLIB_CACHE_DIR"] == str(tmp_path / "cache")
    assert variables["KEPT"] == "yes"


def test_there_is_one_wheel_to_prove(tmp_path):
    with pytest.raises(tool.Fault, match=r"0 files \*\.whl"):
        tool.only_one(tmp_path, ".whl")
    for name in ("a.whl", "b.whl"):
        (tmp_path / name).touch()
    with pytest.raises(tool.Fault, match=r"2 files \*\.whl"):
        tool.only_one(tmp_path, ".whl")


def test_the_address_is_the_one_that_the_server_prints(tmp_path):
    log = tmp_path / "lab.log"
    log.write_text("starting\n")
    assert tool.printed_address(log) is None
    log.write_text("http://127.0.0.1:81/lab/tree/featlib-notebooks/00_start_here.ipynb?token=...")
    place = "featlib-notebooks/00_start_here.ipynb"
    assert tool.printed_address(log) == ("http://127.0.0.1:81", place)


def test_a_fault_ends_it_with_one_line_and_exit_code_1(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["prove_wheel.py", str(tmp_path)])
    assert tool.main() == 1
    assert capsys.readouterr().err.startswith("✗ 0 files *.whl in ")
