"""Tables in a terminal and in a notebook."""

from featlib.tables import Table


def test_a_table_is_text_in_a_terminal_and_html_in_a_notebook():
    table = Table("Title", ("name", ">number"), (("one & <two>", "1"),))
    assert [line.strip() for line in repr(table).splitlines() if line] == [
        "Title",
        "name          number",
        "──────────────────────",
        "one & <two>        1",
    ]
    html = table._repr_html_()
    assert "<td>" not in html, "every cell says how it is aligned"
    assert "one &amp; &lt;two&gt;" in html
    assert '<th style="text-align:right">number</th>' in html
