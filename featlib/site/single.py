"""The lesson in one file, to hand out on a stick: notebooks 00 to 06, live as on the site."""

import re
from pathlib import Path

from featlib import web
from featlib.engine.data_address import data_address
from featlib.site.addresses import SITE
from featlib.site.sources import Source, site_script, template

__all__ = ["single_page"]

_LAST = "06"  # the core of the lesson ends with it
_STYLES = ("pygments.css", "styles/furo.css", "mystnb.*.css", "site.css")


def single_page(site: Path, source: Source) -> str:
    """Return the core of the lesson as one page.

    Parameters
    ----------
    site : pathlib.Path
        The folder of the whole site.
    source : Source
        What it was made of.

    Returns
    -------
    str
        HTML with all styles, scripts, pictures and blocks in it.
    """
    names = [n for n in source.pages if n.removeprefix("lesson/")[: len(_LAST)] <= _LAST]
    chapters = [_chapter(site, name, names) for name in names]
    catalog = source.catalog()
    pages = {name: catalog[name] | {"href": f"#{_mark(name)}"} for name in names}
    blocks = sorted(set().union(*(source.pages[name].blocks for name in names)))
    static = site / "_static"
    return template("single.html.j2").render(
        chapters=chapters,
        titles={_mark(name): catalog[name]["title"] for name in names},
        styles=[file.read_text(encoding="utf-8") for n in _STYLES for file in static.glob(n)],
        scripts=[web.script(), site_script(pages)],
        blocks=[web.inline_block(name) for name in blocks],
        site=SITE,
    )


def _mark(name: str) -> str:
    return name.rpartition("/")[2]


def _chapter(site: Path, name: str, names: list[str]) -> str:
    """Return what a page says, with addresses that hold in one file."""
    from bs4 import BeautifulSoup

    file = site / f"{name}.html"
    page = BeautifulSoup(file.read_text(encoding="utf-8"), "html.parser")
    article = page.find("article")
    assert article is not None
    for each in article.find_all(id=True):
        each["id"] = f"{_mark(name)}.{each['id']}"
    for link in article.find_all("a", href=True):
        link["href"] = _address(str(link["href"]), name, names)
    for picture in article.find_all("img", src=re.compile(r"^(?!data:)")):
        picture["src"] = _inside(file.parent / str(picture["src"]))
    for level in (3, 2, 1):  # the file has a title of its own
        for heading in article.find_all(f"h{level}"):
            heading.name = f"h{level + 1}"
    return article.decode_contents()


def _address(address: str, name: str, names: list[str]) -> str:
    path, _, place = address.partition("#")
    if re.match(r"[a-z]+:", address):
        return address
    wanted = f"lesson/{path.removesuffix('.html')}" if path else name
    if wanted in names:
        return f"#{_mark(wanted)}.{place}" if place else f"#{_mark(wanted)}"
    path = path.removeprefix("../") if path.startswith("../") else f"lesson/{path}"
    return f"{SITE}/{path}#{place}".rstrip("#")


def _inside(picture: Path) -> str:
    return data_address(picture.read_bytes(), "image/png")
