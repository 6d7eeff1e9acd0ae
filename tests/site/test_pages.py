"""Links, formulas, the list of modules, the proof of what was built, and the folder it goes to."""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import featlib
from featlib import FeatlibError
from featlib.site import addresses, builder, mathml, proof, reference

# How Sphinx's extensions use it is no fault of ours.
OLD = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
PACKAGE = Path(featlib.__file__).parent
PAGES = {
    "notebooks/12.ipynb": "lesson/12.ipynb",
    "docs/scale.md": "scale.md",
    "README.md": "index.md",
}


@pytest.mark.parametrize(
    ("text", "file", "wanted"),
    [
        ("[a](12.ipynb)", "notebooks/11.ipynb", "[a](lesson/12.ipynb)"),
        ("[a](12.ipynb)", "notebooks/12.ipynb", "[a](12.ipynb)"),
        ("[a](12.ipynb#cell-id=12-19)", "notebooks/11.ipynb", "[a](#cell-12-19)"),
        ("[a](../README.md#b)", "docs/scale.md", "[a](index.md#b)"),
        ("[a](scale.md) [b](#c)", "docs/x.md", "[a](scale.md) [b](#c)"),
        ("[a](https://b.org/c)", "docs/x.md", "[a](https://b.org/c)"),
        ("[a](LICENSE)", "README.md", f"[a]({addresses.REPOSITORY}/blob/main/LICENSE)"),
    ],
)
def test_links_lead_to_pages(text, file, wanted):
    assert addresses.rewritten(text, file, PAGES) == wanted


def test_links_in_html_lead_to_pages():
    text = '<a href="12.ipynb#cell-id=12-19">a</a> <a href="https://b.org">b</a>'
    assert addresses.rewritten(text, "notebooks/12.ipynb", PAGES, html=True) == (
        '<a href="12.html#cell-12-19">a</a> <a href="https://b.org">b</a>'
    )


def test_formulas_are_mathml():
    assert re.fullmatch(r'<math [^>]*display="inline"><mrow>.*</math>', mathml.mathml("x^2"))
    assert 'display="block"' in mathml.mathml("x^2", "block")
    rows = mathml.mathml(r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}", "block")
    assert rows.count("<mtr>") == 2  # as in quizzes and slides


def test_every_public_module_is_on_some_page():
    listed = reference.modules()
    faces = [name for name, file in listed.items() if file.name == "__init__.py"]
    for file in PACKAGE.rglob("*.py"):
        name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        public = re.search(r"^__all__ = \[$|^__all__ = \[.", file.read_text("utf-8"), re.MULTILINE)
        if not public or "engine" in file.parts or name in ("featlib", "featlib.__main__"):
            continue
        if file.name == "__init__.py" and name not in listed:
            continue  # it lists its modules, which have pages
        assert name in listed or any(name.startswith(f"{face}.") for face in faces), name
    assert {"featlib.exercises.gaps", "featlib.quiz", "featlib.widgets.quiz"} < set(listed)
    assert set(listed) == {name[4:-3] for name in reference.pages() if name != "api/index.md"}


GOOD = '<html><h1>A</h1><h2 id="b">B</h2><a href="#b">b</a><img src="a.png" alt=""></html>'


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ('href="#b"', 'href="#c"', "nothing at #c"),
        ('href="#b"', 'href="c.html"', "nothing at c.html"),
        ('src="a.png"', 'src="b.png"', "nothing at b.png"),
        ('src="a.png"', 'src="https://b.org/a.png"', "loads https://b.org/a.png"),
        ('src="a.png"', 'src="//b.org/a.png"', "loads //b.org/a.png"),
        ("<a", '<link rel="stylesheet" href="http://b.org/a.css"><a', "loads http://b.org/a.css"),
        ("<a", '<script src="https://b.org/a.js"></script><a', "loads https://b.org/a.js"),
        ("<a", "<style>b {background: url(https://b.org/c)}</style><a", "a style loads https://b.org/c"),
        (' alt=""', "", "a picture without words: a.png"),
        ("<h1>A</h1>", "", "it needs one heading of the first level"),
        ("h2", "h3", "a heading of level 3 below one of level 1"),
        ("B", "Run this cell to answer", "left from the notebook: Run this cell"),
    ],
)  # fmt: skip
def test_each_fault_of_a_page_is_named(tmp_path, good, bad, fault):
    (tmp_path / "a.png").write_bytes(b"")
    page = tmp_path / "page.html"
    page.write_text(GOOD)
    assert list(proof.faults(tmp_path)) == []
    page.write_text(GOOD.replace(good, bad))
    with pytest.raises(FeatlibError, match="pages without a fault") as refused:
        proof.check(tmp_path)
    assert f"page.html: {fault}" in str(refused.value)


def test_a_place_on_another_page_is_looked_for_from_any_folder(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_text('<h1>A</h1><a href="b.html#b">b</a>')
    (tmp_path / "site" / "b.html").write_text('<h1 id="c">B</h1>')
    monkeypatch.chdir(tmp_path)
    assert list(proof.faults(Path("site"))) == ["a.html: nothing at b.html#b"]


def test_a_style_that_loads_is_named(tmp_path):
    (tmp_path / "a.css").write_text("@import 'https://b.org/c.css'; b {background: url(d.png)}")
    assert list(proof.faults(tmp_path)) == ["a.css: loads https://b.org/c.css"]


@pytest.mark.parametrize("above", ["_static", "api"])
def test_the_name_of_a_folder_above_the_site_excuses_no_page(tmp_path, above):
    (tmp_path / above / "site").mkdir(parents=True)
    (tmp_path / above / "site" / "a.html").write_text("<h2>Run this cell</h2>")
    found = " ".join(proof.faults(tmp_path / above / "site"))
    assert "it needs one heading of the first level" in found
    assert "left from the notebook: Run this cell" in found


@pytest.mark.parametrize("there", ["a file.txt", ".hidden"])
def test_a_folder_of_something_else_is_left_alone(tmp_path, there):
    (tmp_path / there).write_text("mine")
    with pytest.raises(FeatlibError, match="other files in it"):
        featlib.site.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [there]


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "find_spec", lambda name: None if name == "furo" else name)
    with pytest.raises(FeatlibError, match=r"no furo.*pip install 'featlib\[site\]'"):
        featlib.site.build(tmp_path / "site")


def test_a_site_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "page").write_text(folder.name)
    plain = builder.os.replace

    def fail(source, target):
        if source == new:
            raise PermissionError("in use")
        plain(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(builder.os, "replace", fail)
        with pytest.raises(FeatlibError, match="in use"):
            builder._replace(new, old, tmp_path / "before")
    assert (old / "page").read_text() == "old"
    builder._replace(new, old, tmp_path / "before")
    assert (old / "page").read_text() == "new"


class Bar:
    total = 0

    def update(self):
        pass


def small(folder, *cells, front="# Front\n\n```{toctree}\nlesson\n```\n"):
    source, static = folder / "source", folder / "static"
    source.mkdir()
    static.mkdir()
    for name in ("site.css", "site.js", "featlib.js"):
        (static / name).write_text("")
    (source / "index.md").write_text(front)
    notebook = new_notebook(cells=list(cells), metadata={"language_info": {"name": "python"}})
    nbformat.write(notebook, source / "lesson.ipynb")
    builder._sphinx(source, static, folder / "site", Bar())
    return folder / "site"


@OLD
def test_a_small_site_shows_what_was_stored_and_formulas_without_a_script(tmp_path):
    output = new_output("display_data", data={"text/html": "<b data-mine>stored</b>"})
    cells = new_markdown_cell("# A\n\nIt is $x^2$."), new_code_cell("1 / 0", outputs=[output])
    text = (small(tmp_path, *cells) / "lesson.html").read_text()
    assert "<b data-mine>stored</b>" in text
    assert "<math " in text
    assert "mathjax.js" not in text.lower()


@OLD
def test_what_sphinx_warns_of_is_an_error(tmp_path):
    with pytest.raises(FeatlibError, match=r"without a warning of Sphinx.*nowhere"):
        small(tmp_path, new_markdown_cell("# A\n\n[b](nowhere.md)"))
