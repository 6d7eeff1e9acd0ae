"""Templates and files of pages: escaped, complete, and whole or not there."""

import jinja2
import pytest
from helpers import without_roots_rights
from markupsafe import Markup

from featlib import FeatlibError, checks
from featlib.pages import rendering

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def template(tmp_path, monkeypatch):
    """Return a function that makes a template of the test's own and fills it."""
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    rendering._environment.cache_clear()

    def fill(text, **values):
        (tmp_path / "page.html.j2").write_text(text, encoding="utf-8")
        return rendering.render("page.html.j2", **values)

    yield fill
    rendering._environment.cache_clear()


def test_what_is_put_into_a_template_is_escaped(template):
    filled = template('<p title="{{ words }}">{{ words }}</p>', words=f'{EVIL}"')
    assert "<script" not in filled
    assert filled.count("&lt;script&gt;alert(1)&lt;/script&gt;&#34;") == 2


def test_markup_is_put_in_as_it_is(template):
    assert template("{{ words }}", words=Markup("<b>5 × 3</b>")) == "<b>5 × 3</b>"


def test_markdown_is_rendered_and_made_safe_and_plain_text_is_escaped(template):
    text = "{{ words|rich(format) }}"
    assert template(text, words="**bold**", format="markdown") == "<strong>bold</strong>"
    assert template(text, words="**bold**", format="text") == "**bold**"
    for format in ("markdown", "text"):
        assert "<script" not in template(text, words=EVIL, format=format)


@pytest.mark.parametrize("text", ["{{ missing }}", "{% if missing %}x{% endif %}", "{{ a.b }}"])
def test_a_missing_name_is_an_error(template, text):
    with pytest.raises(jinja2.UndefinedError):
        template(text, a={})


def test_the_templates_are_read_once():
    assert rendering._environment() is rendering._environment()


def test_a_page_is_written_as_utf8_into_a_folder_that_is_made(tmp_path):
    path = rendering.write_page("5 × 3", tmp_path / "new" / "er" / "page.html", "test", "Fix.")
    assert path == tmp_path / "new" / "er" / "page.html"
    assert path.read_bytes() == "5 × 3".encode()
    assert list(path.parent.iterdir()) == [path]


def test_half_characters_are_written_out(tmp_path):
    path = rendering.write_page("name-\udcff.png", tmp_path / "page.html", "test", "Fix.")
    assert path.read_bytes() == rb"name-\udcff.png"


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """A disk that is full is noticed when the file is flushed, after half of it was written."""
    path = rendering.write_page("the first", tmp_path / "page.html", "test", "Fix.")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("featlib.engine.files.os.fsync", full)
    with pytest.raises(FeatlibError) as error:
        rendering.write_page("the second", path, "report.write", "Choose another folder.")
    assert path.read_text(encoding="utf-8") == "the first"
    assert list(tmp_path.iterdir()) == [path]
    assert "\n" not in str(error.value)
    for words in ("report.write", f"'{path}'", "No space left", "Choose another folder."):
        assert words in str(error.value)


def test_a_folder_that_cannot_be_written_is_one_error(tmp_path):
    (tmp_path / "a file").write_text("in the way")
    with pytest.raises(FeatlibError, match=r"to write '.*page\.html'.*Fix\."):
        rendering.write_page("x", tmp_path / "a file" / "page.html", "test", "Fix.")
    assert (tmp_path / "a file").read_text() == "in the way"


@pytest.mark.skipif("not hasattr(__import__('os'), 'geteuid')", reason="permissions of Unix")
def test_a_folder_without_the_right_to_write_is_one_error(tmp_path):
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with without_roots_rights(), pytest.raises(FeatlibError, match="denied"):
            rendering.write_page("x", folder / "page.html", "test", "Fix.")
    finally:
        folder.chmod(0o755)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", [None, 3, "", "a\0b", "~nobody-of-that-name/page.html"])
def test_what_is_no_path_is_refused_in_words(path):
    with pytest.raises(FeatlibError, match="the page"):
        rendering.write_page("x", path, "test", "Fix.")


def test_a_page_does_not_replace_a_folder(tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(FeatlibError, match=r"a folder is there.*Fix\."):
        rendering.write_page("x", tmp_path / "page.html", "test", "Fix.")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_files_that_belong_together_are_written_into_folders_that_are_made(tmp_path):
    files = {tmp_path / "new" / "a.png": b"a", tmp_path / "new" / "page.html": b"page"}
    assert checks.write_files(files, "test", "Fix.") == tmp_path / "new" / "page.html"
    assert {path: path.read_bytes() for path in (tmp_path / "new").iterdir()} == files
