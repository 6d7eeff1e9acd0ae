"""Where things are: a variable decides, else the system's own folders."""

import os
import tempfile
from pathlib import Path

import platformdirs
import pytest

from featlib.engine import paths, words

FOLDERS = {
    "FEATLIB_CACHE_DIR": (paths.cache_dir, platformdirs.user_cache_path),
    "FEATLIB_DATA_DIR": (paths.data_dir, platformdirs.user_data_path),
}


@pytest.mark.parametrize("variable", FOLDERS)
def test_a_variable_decides(variable, tmp_path, monkeypatch):
    monkeypatch.setenv(variable, str(tmp_path / "mine"))
    assert FOLDERS[variable][0]() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists(), "nothing is made by asking"
    monkeypatch.setenv(variable, "~/mine")
    assert FOLDERS[variable][0]() == Path.home() / "mine"
    monkeypatch.setenv(variable, "~nobody-of-that-name/mine")
    assert FOLDERS[variable][0]() == Path("~nobody-of-that-name/mine")


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("variable", FOLDERS)
def test_else_it_is_the_users_folder(variable, value, monkeypatch):
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    ours, theirs = FOLDERS[variable]
    assert ours() == theirs("featlib", appauthor=False)


def test_answers_are_not_kept_where_things_may_be_deleted(monkeypatch):
    for variable in FOLDERS:
        monkeypatch.delenv(variable)
    assert paths.cache_dir() not in (paths.data_dir(), *paths.data_dir().parents)


@pytest.mark.parametrize(
    ("name", "file"),
    [("notebooks", "12_review.ipynb"), ("quizzes", "03_feature_extraction.json")],
)
def test_what_comes_with_featlib_is_found(name, file):
    assert (paths.bundled(name) / file).is_file()


def test_in_an_installed_package_it_lies_within(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "PACKAGE", tmp_path / "featlib")
    assert paths.bundled("quizzes") == tmp_path / "quizzes"
    (tmp_path / "featlib" / "assets" / "quizzes").mkdir(parents=True)
    assert paths.bundled("quizzes") == tmp_path / "featlib" / "assets" / "quizzes"


HOMELESS = {
    "newer platformdirs": RuntimeError("could not determine the home directory"),
    "older platformdirs": Path("~/.local/share/featlib"),
    "a relative home": Path("here/.local/share/featlib"),
}


@pytest.mark.parametrize("case", HOMELESS)
def test_without_a_home_it_is_a_temporary_folder(case, monkeypatch, caplog):
    def find(*_, **__):
        if isinstance(HOMELESS[case], Exception):
            raise HOMELESS[case]
        return HOMELESS[case]

    words.say_once.cache_clear()
    found = []
    for variable, where in (("FEATLIB_CACHE_DIR", "cache"), ("FEATLIB_DATA_DIR", "data")):
        monkeypatch.delenv(variable)
        monkeypatch.setattr(paths, f"user_{where}_path", find)
        found.append(FOLDERS[variable][0]())
        assert found[-1].is_relative_to(tempfile.gettempdir())
        assert f"set {variable} to another" in caplog.text
    assert found[0] != found[1]


def a_link(path):
    elsewhere = path.with_name("elsewhere")
    elsewhere.mkdir()
    path.symlink_to(elsewhere)


def anothers(path):
    path.mkdir()
    os.chown(path, 65534, 65534)


@pytest.mark.skipif(os.name != "posix", reason="users of Unix")
@pytest.mark.parametrize("prepare", [a_link, anothers, Path.touch, Path.mkdir, lambda path: None])
def test_a_temporary_folder_that_another_has_prepared_is_not_taken(prepare, tmp_path, monkeypatch):
    if prepare is anothers and os.geteuid():
        pytest.skip("only root can give a folder to another user")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    paths._new_temporary.cache_clear()
    ours = tmp_path / f"featlib-{os.getuid()}"
    prepare(ours)
    found = paths._temporary()
    assert found.parent == tmp_path
    assert found == paths._temporary(), "once for a process"
    assert (found == ours) == (prepare not in (a_link, anothers, Path.touch))
    assert not found.is_symlink()
    assert found.stat().st_uid == os.getuid()
    paths._new_temporary.cache_clear()


def test_a_user_that_is_none_is_said(monkeypatch, caplog):
    words.say_once.cache_clear()
    monkeypatch.setenv("FEATLIB_DATA_DIR", "~nobody-of-that-name/mine")
    paths.data_dir()
    assert "FEATLIB_DATA_DIR names no user" in caplog.text
