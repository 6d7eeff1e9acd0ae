"""Saved notebooks hold what a run means, and nothing of when and how it ran."""

import execute_notebooks as tool
from nbformat.v4 import new_code_cell, new_notebook, new_output


def settled(*outputs):
    cell = new_code_cell("1", outputs=list(outputs), metadata={"execution": {"a": "time"}})
    metadata = {"widgets": {}, "language_info": {"name": "python", "version": "3.14.0"}}
    notebook = new_notebook(cells=[cell], metadata=metadata)
    return tool.settle(notebook)


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_metadata_is_the_same_after_every_run():
    notebook = settled()
    language = {"name": "python", "version": "3.14.0"}
    assert notebook.metadata == {"kernelspec": tool.KERNEL, "language_info": language}
    assert notebook.cells[0].metadata == {"slideshow": {"slide_type": "slide"}}
    assert notebook.cells[0].execution_count == 1


def test_what_was_printed_in_parts_is_joined():
    outputs = settled(printed("a\n"), printed("b\n"), printed("c\n", "stderr")).cells[0].outputs
    assert [(o.name, o.text) for o in outputs] == [("stdout", "a\nb\n"), ("stderr", "c\n")]


def test_a_widget_keeps_its_plain_form_only():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/html": "<p>"}
    (output,) = settled(new_output("display_data", view)).cells[0].outputs
    assert output.data == {"text/html": "<p>"}
