"""Where a notebook opens with nothing to install."""

from urllib.parse import parse_qs, urlsplit

import pytest

from featlib import FeatlibError
from featlib.engine.paths import bundled
from featlib.site import elsewhere

NAMES = sorted(path.stem for path in bundled("notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_each_address_leads_to_the_notebook_by_its_own_path(name):
    found = elsewhere.links(name, "v0.1.0")
    path = f"notebooks/{name}.ipynb"
    assert (bundled("notebooks").parent / path).is_file()
    hosts = {service: urlsplit(address) for service, address in found.items()}
    assert {service: parts.hostname for service, parts in hosts.items()} == {
        "Colab": "colab.research.google.com",
        "Kaggle": "kaggle.com",
        "Binder": "mybinder.org",
        "Codespaces": "codespaces.new",
        "download": "github.com",
    }
    assert all(parts.scheme == "https" for parts in hosts.values())
    blob = f"featlib/featlib/blob/v0.1.0/{path}"
    assert hosts["Colab"].path == f"/github/{blob}"
    assert parse_qs(hosts["Kaggle"].query) == {"src": [f"https://github.com/{blob}"]}
    assert hosts["Binder"].path == "/v2/gh/featlib/featlib/v0.1.0"
    assert parse_qs(hosts["Binder"].query) == {"urlpath": [f"lab/tree/{path}"]}
    assert hosts["Codespaces"].path == "/featlib/featlib"
    assert hosts["download"].path == f"/featlib/featlib/raw/v0.1.0/{path}"


def test_a_branch_with_odd_characters_stays_a_path():
    for service, address in elsewhere.links(NAMES[0], "new/ä?#b").items():
        if service != "Codespaces":
            assert "new/%C3%A4%3F%23b" in address
            assert not urlsplit(address).fragment


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("03_feature",), "03_feature_extraction"),
        (("03_feature_extraction.ipynb",), "03_feature_extraction"),
        ((None,), "00_start_here"),
        ((NAMES[0], ""), 'ref="main"'),
        ((NAMES[0], None), 'ref="main"'),
    ],
)
def test_what_is_none_of_the_lesson_is_refused(arguments, wanted):
    with pytest.raises(FeatlibError, match=wanted):
        elsewhere.links(*arguments)
