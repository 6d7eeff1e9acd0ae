"""Texts of quiz files as HTML: what is shown."""

import re
import time

import pytest

from featlib import quiz
from featlib.quiz import html


def test_markdown_renders_code_and_formulas():
    assert html.rich("call `fit` *now*", "markdown") == "call <code>fit</code> <em>now</em>"
    formula = html.rich("$e^0 = 1$", "markdown")
    assert "<msup><mi>e</mi><mn>0</mn></msup>" in formula
    assert "$" not in formula


def test_what_is_no_formula_is_shown_as_source():
    assert html.rich("costs $\\frac$", "markdown") == "costs <code>\\frac</code>"


@pytest.mark.parametrize("name", quiz.names())
def test_the_plain_form_holds_every_question_and_folds_the_answers(name):
    loaded = quiz.load(name)
    form = html.form(loaded)
    assert form.count("<details>") == form.count("</details>") == len(loaded.questions)
    for question in loaded.questions:
        assert html.rich(question.text, question.format) in form
        assert html.rich(question.explanation, question.format) in form


def test_a_choice_is_its_text_its_code_or_both():
    question = quiz.load("source_quiz").questions[0]
    both = {"answer": "a < b", "code": "x < 1"}
    assert html.choice(question, both) == "a &lt; b<pre><code>x &lt; 1</code></pre>"
    assert html.choice(question, {"code": "x"}) == "<pre><code>x</code></pre>"
    assert html.code("") == ""


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("x &lt; 1 &amp;&amp; y &#62; 2", "x &lt; 1 &amp;&amp; y &gt; 2"),
        ("a &lt;b&gt; c", "a &lt;b&gt; c"),
        ("&copy; &x; &ltx", "&amp;copy; &amp;x; &amp;ltx"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("s.replace(`<`, `&lt;`)", "s.replace(`&lt;`, `&amp;lt;`)"),
        ("s.replace(`&lt;`, `&amp;lt;`)", "s.replace(`&lt;`, `&amp;lt;`)"),
        ("x -> &amp;", "x -&gt; &amp;amp;"),
        ("a && '&quot;'", "a &amp;&amp; &#x27;&amp;quot;&#x27;"),
        ("x &lt; 1 # &copy;", "x &lt; 1 # &amp;copy;"),
    ],
)
def test_code_that_is_escaped_for_jupyterquiz_is_shown_as_code(code, shown):
    assert html.code(code) == f"<pre><code>{shown}</code></pre>"


def is_math(html, display="inline"):
    return html.count("<math") == html.count(f'display="{display}"') == 1 and "$" not in html


FORMULAS = [
    "$x$", "A $\\lambda=0$.", "$\\pi$ to 2", "$x$ is 5", "2$\\times$3", "$ \\frac{1}{2} $",
    "$a_1$-axis", "$x<y$", "$2 x$", "$3 \\text{ cats}$",
    "$x^2$7", "$\\{x\\}$", "(see $f(x)$)", "$ x $", "so $ x = 5 $ is", "$ n $-gram",
    "$c =  1 $", "$\\{1, 2\\}, $",
    "for$x=5$", "f$(x) = y$", "x$ n = m $", "函数$y = x $",
]  # fmt: skip


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize("text", FORMULAS)
def test_formulas(text, format):
    assert is_math(html.rich(text, format))


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize("text", ["So $$y = \\sum_i x_i$$ it is", "$$\nx\n= y\n$$", "$$5$$"])
def test_formulas_by_themselves(text, format):
    assert is_math(html.rich(text, format), "block")


def test_brackets_of_latex_are_formulas_as_in_jupyterquiz():
    assert is_math(html.rich("so \\(x^2\\) is"))
    assert is_math(html.rich("so \\[x^2\\] is"), "block")
    assert html.rich("\\[1\\] and \\(2\\)", "markdown") == "[1] and (2)"


@pytest.mark.parametrize("kind", ["equation*", "align", "gather*"])
def test_an_environment_needs_no_dollar_sign_as_in_jupyterquiz(kind):
    cases = "\\begin{cases} 1, & x < 0 \\\\ 0, & \\mbox{otherwise} \\end{cases}"
    found = html.rich(f"Is <b>this</b> \\begin{{{kind}}} p(x) = {cases} \\end{{{kind}}} so?")
    assert is_math(found, "block")
    assert "\\" not in found


@pytest.mark.parametrize("text", ["$5, so ($x$)", "costs $5; where $x$ is", "$5 (10^6) or $x$"])
def test_a_formula_after_a_price(text):
    before, _, after = text.partition("$x$")
    assert html.rich(text) == before + html.rich("$x$") + after


MATRICES = ["pmatrix", "bmatrix", "matrix", "vmatrix", "cases", "array", "aligned"]


@pytest.mark.parametrize("kind", MATRICES)
def test_matrices_have_rows_and_cells(kind):
    columns = "{cc}" if kind == "array" else ""
    found = html.rich(f"$\\begin{{{kind}}}{columns}1 & 2 \\\\ 3 & 4\\end{{{kind}}}$")
    assert (found.count("<mtr>"), found.count("<mtd")) == (2, 4)


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize("text", ["\\$N and $x$", "\\$x$x$", "(\\$a)$x$"])
def test_a_dollar_sign_with_a_backslash_begins_no_formula(text, format):
    before = text.removesuffix("$x$").replace("\\$", "$")
    assert html.rich(text, format) == before + html.rich("$x$")


# What the converter by itself shows as source, or as other letters.
COMMANDS = {
    r"\arg\max_x f": "argmaxxf",
    r"\operatorname*{argmax}_x": "argmaxx",
    r"\big\{ x \bigr\}": "{x}",
    r"\Big\langle x \Big\rangle": "⟨x⟩",
    r"\begin{bmatrix} 1 \\[2pt] 3 \end{bmatrix}": "[13]",
    r"\label{a} x": "x",
    r"x \notag": "x",
    r"\text{50\%}": "50%",
    r"\text{a\_b \& \$5}": "a_b&nbsp;&amp;&nbsp;$5",
    r"\mathbb R^n": "ℝn",
    r"\mathbb{R}": "ℝ",
    r"\mathbf x": "𝐱",
    r"\boldsymbol{\theta}": "𝜽",
    r"\mathbf{\Sigma}": "𝚺",
    r"\mathcal L": "ℒ",
    r"\mathbb 1": "𝟙",
    r"\mathsf T": "𝖳",
    r"\mathrm d": "d",
    r"A \setminus B": "A⧵B",
}


@pytest.mark.parametrize("latex", COMMANDS)
def test_commands_of_latex(latex):
    found = html.rich(f"${latex}$")
    assert found.startswith("<math")
    assert re.sub("<[^>]*>", "", found) == COMMANDS[latex]


@pytest.mark.parametrize("latex", [r"\foo{x}", r"1 + \unknown", r"x_"])
def test_a_formula_that_is_not_known_as_a_whole_is_shown_as_source(latex):
    assert html.rich(f"${latex}$") == f"<code>{latex}</code>"


NO_FORMULAS = {
    "costs $5 and $7 today": "costs $5 and $7 today",
    "costs \\$5 and \\$7": "costs $5 and $7",
    "\\$5": "$5",
    "5$ or 7$": "5$ or 7$",
    "US$5–$7": "US$5–$7",
    "$5 for 10^6 words, $7 for more": "$5 for 10^6 words, $7 for more",
    "$5, so (not CA$7)": "$5, so (not CA$7)",
    "It was $5, not very much (or so they say)$.": "It was $5, not very much (or so they say)$.",
    "$5, <b>or</b>$": "$5, <b>or</b>$",
    "$5 and \\$7, then H<sub>2</sub>$": "$5 and $7, then H<sub>2</sub>$",
    "5 $ a kg or 6 $ a pound": "5 $ a kg or 6 $ a pound",
    "5 $ + 7 $": "5 $ + 7 $",
    "\\$x or y$": "$x or y$",
    "set $a = $b": "set $a = $b",
    "for $i in $j": "for $i in $j",
    "1 US$ = 2 A$": "1 US$ = 2 A$",
    "US$ = A$": "US$ = A$",
    "x$ = y$": "x$ = y$",
    "US$a = b $": "US$a = b $",
    "A$=b, B$=c": "A$=b, B$=c",
    "$5": "$5",
    "$": "$",
    "$$": "$$",
}


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize("text", NO_FORMULAS)
def test_prices_stay_text(text, format):
    assert html.rich(text, format) == NO_FORMULAS[text]


@pytest.mark.parametrize(
    ("text", "format", "shown"),
    [
        ("`a$b` and `c$d`", "markdown", "<code>a$b</code> and <code>c$d</code>"),
        ("`a$b` and `c$d`", "text", "`a$b` and `c$d`"),
        ("$5 <code>a$b</code>", "text", "$5 <code>a$b</code>"),
        ("$5 `a$b`", "text", "$5 `a$b`"),
        ("$5 `a$b`", "markdown", "$5 <code>a$b</code>"),
        ("<code>a$b$c</code>", "text", "<code>a$b$c</code>"),
        ('<code class="language-python">a$b$c</code>', "text", "<code>a$b$c</code>"),
        ("<pre style='color: red'>$a$\n b</pre>", "text", "<pre>$a$\n b</pre>\n"),
        ("<code>if x<y: $z$</code>", "markdown", "<code>if x&lt;y: $z$</code>"),
        ("```\n$a$ <b>\n```", "markdown", "<pre><code>$a$ &lt;b&gt;\n</code></pre>\n"),
    ],
)
def test_code_stays_text(text, format, shown):
    assert html.rich(text, format) == shown


TABLE = "<table><tbody><tr><td>a</td></tr></tbody></table>\n"


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<b>a</b> <I>b</I> H<sub>2</sub>O", "<b>a</b> <i>b</i> H<sub>2</sub>O"),
        ("a<br/>b", "a<br>b"),
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("x<y and y>z", "x&lt;y and y&gt;z"),
        ("List<int> and <unk>", "List&lt;int&gt; and &lt;unk&gt;"),
        ("a <!-- note -->b", "a b"),
        ("if a<b and c>d:", "if a&lt;b and c&gt;d:"),
        ("x<a or a>y, i<p, p>j", "x&lt;a or a&gt;y, i&lt;p, p&gt;j"),
        ('<font color="red">a</font>', "<font>a</font>"),
        (
            "<strike>a</strike> <abbr title='b'>c</abbr>",
            '<strike>a</strike> <abbr title="b">c</abbr>',
        ),
        (
            "<details open><summary>a</summary>b</details>",
            "<details><summary>a</summary>b</details>\n",
        ),
        ("<span hidden>a</span> <b data-x>b</b>", "<span>a</span> <b>b</b>"),
        ("<hr noshade>a", "<hr>a\n"),
        ("<ul compact><li>a</li></ul>", "<ul><li>a</li></ul>\n"),
        ("<table border><tr><td nowrap>a</td></tr></table>", TABLE),
        ('<TABLE class="a" BORDER  ><tr><td>a</td></tr></table>', TABLE),
        ("a<b hiddenly>c, d<i and border>e", "a&lt;b hiddenly&gt;c, d&lt;i and border&gt;e"),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ('<b onclick="x()" style="color:red">a</b>', "<b>a</b>"),
        ("C:\\new\\x", "C:\\new\\x"),
    ],
)
def test_simple_html_is_html_and_all_else_is_text(text, shown, format):
    assert html.rich(text, format) == shown


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize(
    "text",
    [
        "[it](https://a.org/?x=1&y=2)",
        '<a href="https://a.org/?x=1&amp;y=2">it</a>',
        '<a href="https://a.org/?x=1&amp;y=2" download>it</a>',
    ],
)
def test_links_open_beside_the_notebook(text, format):
    link = '<a href="https://a.org/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer">it</a>'
    assert html.rich(text, format) == link


def test_an_address_in_brackets_is_a_link():
    assert '<a href="https://a.org"' in html.rich("see <https://a.org>")


def test_a_picture_is_a_link_and_is_not_loaded():
    found = html.rich("![a cat](https://a.org/cat.png)", "markdown")
    assert found.startswith('<a href="https://a.org/cat.png"')
    assert found.endswith(">a cat</a>")


@pytest.mark.parametrize("format", ["text", "markdown"])
@pytest.mark.parametrize(
    ("picture", "address", "words"),
    [
        ('<img src="https://a.org/c.png" alt="a &gt; b">', "https://a.org/c.png", "a &gt; b"),
        ("<IMG width=10 SRC=cat.png />", "cat.png", "picture"),
        ("<img src='a.png?x=1&amp;y=2' onerror='alert(1)'>", "a.png?x=1&amp;y=2", "picture"),
        ('<img alt=">" src="a.png">', "a.png", "&gt;"),
    ],
)
def test_a_picture_in_html_is_a_link_too(picture, address, words, format):
    link = f'<a href="{address}" target="_blank" rel="noopener noreferrer">{words}</a>'
    assert html.rich(f"see {picture} here", format) == f"see {link} here"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img>", "&lt;img&gt;"),
        ("<img alt=a>", "&lt;img alt=a&gt;"),
        ("<code><img src=a></code>", "<code>&lt;img src=a&gt;</code>"),
        (
            '<img src="javascript:alert(1)">',
            '<a target="_blank" rel="noopener noreferrer">picture</a>',
        ),
    ],
)
def test_what_is_no_picture_to_look_at(text, shown):
    assert html.rich(text) == shown


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_many_dollar_signs_with_backslashes_are_soon_read(format):
    begun = time.process_time()
    assert html.rich("\\$" * 9_500, format) == "$" * 9_500
    assert time.process_time() - begun < 1


def test_text_is_no_markdown():
    said = "* a\n# b\n_c_ **d**"
    assert html.rich(said) == "* a<br># b<br>_c_ **d**"
    assert html.rich("a\n\nb") == "<p>a</p>\n<p>b</p>\n"


def test_plain_text_is_shown_as_it_is():
    assert html.rich("$x$ <b> [l](http://a)\n", "plain") == "$x$ &lt;b&gt; [l](http://a)<br>"


def test_markdown_has_tables():
    assert html.rich("|a|\n|-|\n|1|", "markdown").count("<td>") == 1
