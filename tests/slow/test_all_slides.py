"""The slides of every notebook: all are there, and they ask the network for nothing."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from featlib import cli

# The browser looks at some of them each day; the others change with a notebook alone.
pytestmark = pytest.mark.long
NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


class Requests(HTMLParser):
    """Collect what a page would ask for."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in ("src", "href", "data", "poster", "srcset"):
            if tag != "a" and name in attributes:
                self.found.append((tag, attributes[name]))


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Return the folder that `featlib slides` fills."""
    folder = tmp_path_factory.mktemp("talk")
    cli.main(["slides", "--out", str(folder)])
    return folder


def test_there_are_slides_of_all_notebooks(talk):
    assert [path.name for path in sorted(talk.iterdir())] == [
        f"{path.stem}.slides.html" for path in NOTEBOOKS
    ]


@pytest.mark.parametrize("name", [path.stem for path in NOTEBOOKS])
def test_the_page_asks_the_network_for_nothing(name, talk):
    page = (talk / f"{name}.slides.html").read_text(encoding="utf-8")
    requests = Requests()
    requests.feed(page)
    assert [tag for tag, _ in requests.found].count("script") == 3
    for tag, target in requests.found:
        assert target.startswith("data:"), (tag, target[:100])
    assert 'Content-Security-Policy"' in page[: page.index("<title>")]
    styles = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert not re.search(r"@import|url\(\s*['\"]?(?!data:|['\"]?data:)", styles)
    assert len(re.findall(r"<section[ >]", page)) == page.count("</section>")
    assert page.count("<section>") > 10
