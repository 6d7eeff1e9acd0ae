"""Whether a built site is whole: every link leads somewhere, and nothing comes from elsewhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

from featlib import checks

__all__ = ["check", "faults"]

_LOADS = {
    "audio": "src", "embed": "src", "iframe": "src", "img": "src", "object": "data",
    "script": "src", "source": "src", "track": "src", "video": "src",
}  # fmt: skip
_STYLES = re.compile(r"""(?:url\(\s*|@import\s+)["']?(?!data:|#)((?:[a-z]+:)?//[^"')\s]+)""")
_LEFT = ("Run this cell", "You made no guess")  # words that make no sense on a page
_MOST = 20  # faults that are named
_ALONE = "_static"  # pages in it are no pages of Sphinx: decks, and the sheet to print

_QUOTES = "api"  # the reference quotes what a notebook shows


@dataclass
class _Read(HTMLParser):
    """What one page says of itself."""

    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    headings: list[int] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "link" and given.get("rel") != "canonical":
            self.loads.append(given.get("href", ""))
        if source := given.get(_LOADS.get(tag, ""), ""):
            self.loads.append(source)
        if tag == "img" and "alt" not in given:
            self.nameless.append(given.get("src", "")[:60])
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def check(site: Path) -> None:
    """Refuse a site with a fault.

    Parameters
    ----------
    site : pathlib.Path
        The folder.

    Raises
    ------
    featlib.FeatlibError
        If there is one; it names the first of them.
    """
    found = list(faults(site))
    if found:
        got = "\n".join([*found[:_MOST], *(["…"] if len(found) > _MOST else [])])
        checks.refuse("featlib site", "pages without a fault", got, "Mend what is named.")


def faults(site: Path) -> Iterator[str]:
    """Find what is wrong with the pages of a site.

    Parameters
    ----------
    site : pathlib.Path
        The folder.

    Yields
    ------
    str
        The page, and what is wrong: a link or a file that is not there, something that is loaded
        from elsewhere, a picture without words, a heading out of order, words of a notebook.
    """
    site = site.resolve()  # as what the links lead to
    texts = {file: file.read_text(encoding="utf-8") for file in sorted(site.rglob("*.html"))}
    pages = {file: _read(text) for file, text in texts.items()}
    for file, page in pages.items():
        within = file.relative_to(site)
        name = within.as_posix()
        if _ALONE not in within.parts:
            yield from (f"{name}: {fault}" for fault in _of_page(page))
        if not {_ALONE, _QUOTES} & {*within.parts}:
            left = (words for words in _LEFT if words in texts[file])
            yield from (f"{name}: left from the notebook: {words}" for words in left)
        yield from (f"{name}: loads {a}" for a in page.loads if _elsewhere(a))
        yield from (f"{name}: a style loads {a}" for a in _STYLES.findall(texts[file]))
        for address in page.links + page.loads:
            if address and not re.match(r"[a-z]+:|//", address) and _lost(file, address, pages):
                yield f"{name}: nothing at {address}"
    for file in sorted(site.rglob("*.css")):
        text = file.read_text(encoding="utf-8")
        yield from (f"{file.name}: loads {address}" for address in _STYLES.findall(text))


def _read(text: str) -> _Read:
    page = _Read()
    page.feed(text)
    return page


def _of_page(page: _Read) -> Iterator[str]:
    yield from (f"a picture without words: {source}" for source in page.nameless)
    if page.headings.count(1) != 1 or page.headings[0] != 1:
        yield f"it needs one heading of the first level, at its beginning; it has {page.headings}"
    for before, after in zip(page.headings, page.headings[1:], strict=False):
        if after > before + 1:
            yield f"a heading of level {after} below one of level {before}"


def _elsewhere(address: str) -> bool:
    return bool(re.match(r"(?!data:|blob:)[a-z]+:|//", address))


def _lost(file: Path, address: str, pages: dict[Path, _Read]) -> bool:
    path, _, place = address.partition("#")
    path = unquote(path.partition("?")[0])
    wanted = (file.parent / path).resolve() if path else file
    if not wanted.is_file():
        return True
    return bool(place) and wanted in pages and unquote(place) not in pages[wanted].ids
