"""HTML of strangers: what stays of it, and what does not. The browser tests do the rest."""

import pytest

from featlib.pages.safe_html import clean
from featlib.quiz.html import formula


@pytest.mark.parametrize(
    "html",
    [
        "<p>Words, <em>more</em> and <strong>most</strong>: 1 &lt; 2 &amp; 3</p>",
        "<table><caption>c</caption><thead><tr><th>a</th></tr></thead>"
        '<tbody><tr><td colspan="2">1</td></tr></tbody></table>',
        '<td style="text-align:right">1</td>',
        '<p style="border-left:4px solid #D55E00;padding-left:.8em;max-width:46rem">x</p>',
        "<details open=\"\"><summary>s</summary>b</details>",
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="a">',
        '<pre class="highlight"><code><span class="kn">import</span></code></pre>',
        '<a href="04_train.slides.html" rel="noopener noreferrer">n</a>',
        '<a href="https://example.org/?a=1#b" rel="noopener noreferrer">n</a>',
        '<ol start="3"><li>x</li></ol>',
        "<kbd>a</kbd>",
    ],
)  # fmt: skip
def test_what_is_shown_stays_as_it_is(html):
    inside = html.startswith("<td")
    shown = clean(f"<table><tbody><tr>{html}</tr></tbody></table>" if inside else html)
    assert html in shown


@pytest.mark.parametrize(
    "latex",
    [
        "a^2",
        r"\frac{1}{n}\sum_{i=1}^n x_i",
        r"\sqrt{x} \le \hat y",
        r"\begin{pmatrix}a&b\\c&d\end{pmatrix}",
        r"\left(x\right)",
    ],
)
def test_formulas_stay_formulas(latex):
    shown = clean(formula(latex))
    assert shown.startswith("<math")
    assert shown.count("<") == formula(latex).count("<")


@pytest.mark.parametrize(
    "html",
    [
        "<script>a</script>",
        "<style>b { color: red }</style>",
        "<iframe srcdoc='a'></iframe>",
        "<form><input></form>",
        "<meta http-equiv=refresh content=0>",
        "<base href=http://x>",
        "<svg><circle onload=a></svg>",
        "<!-- a -->",
    ],
)
def test_what_runs_or_loads_goes(html):
    assert clean(f"a{html}b") == "ab"


@pytest.mark.parametrize(
    "attribute",
    [
        "onclick=a", "id=x", "name=x", "srcdoc=x", "data-src=x", "style='position:fixed'",
        "style='background:url(x)'", "style='color:expression(x)'", "style='color:\\72 ed'",
        "class=fragment", "class='k slides'", "contenteditable", "autofocus", "is=x", "slot=x",
        "background=x", "tabindex=1", "style='width:99999px'", "nonce=x",
    ],
)  # fmt: skip
def test_attributes_that_do_something_go(attribute):
    assert clean(f"<b {attribute}>x</b>") == "<b>x</b>"


@pytest.mark.parametrize(
    "target",
    ["javascript:a", "java&#10;script:a", " javascript:a", "data:text/html,x", "//host/x",
     "/\\host", "vbscript:x", "blob:x", "file:///etc/passwd", "x:y", "\x01javascript:a"],
)  # fmt: skip
def test_links_lead_to_pages_alone(target):
    assert "href" not in clean(f'<a href="{target}">x</a>')


@pytest.mark.parametrize(
    "source",
    ["http://x/i.png", "//x/i.png", "i.png", "attachment:i.png", "data:text/html;base64,AA",
     "data:image/svg+xml,<svg>", "blob:x", "javascript:a", "data:image/png;base64,AA,http://x"],
)  # fmt: skip
def test_pictures_lie_in_the_page_alone(source):
    assert clean(f"<img src='{source}'>") == "<img>"


def test_of_a_style_the_safe_parts_stay():
    styled = "<p style='color:red;position:fixed;background:url(x);text-align:left'>x</p>"
    assert clean(styled) == '<p style="color:red;text-align:left">x</p>'


@pytest.mark.parametrize("html", ["<b>" * 501, "<svg>" + "<td>" * 600, "<DIV>" * 600])
def test_what_is_too_deep_is_left_out(html):
    assert "too deeply" in clean(html)


def test_what_is_long_and_flat_is_not_too_deep():
    long = "<table>" + "<tr><td>1</td><td>2<br></td></tr>" * 20_000 + "</table>"
    assert clean(long).count("<tr>") == 20_000


def test_half_a_character_is_written_out():
    assert clean("<b>\ud83d</b>") == "<b>\\ud83d</b>"
