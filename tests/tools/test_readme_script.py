"""The README's Python examples, as a type checker sees them."""

import ast

import pytest
import readme_script as tool

TEXT = """
```python
import featlib
```

```sh
make run
```

- in a list

  ```python
  featlib.run()
  ```
"""


def test_python_blocks_alone_are_joined_in_their_order():
    assert tool.script(TEXT) == "import featlib\n\nfeatlib.run()\n"


def test_a_text_without_examples_is_a_fault():
    with pytest.raises(ValueError, match="no ```python block"):
        tool.script("```sh\nmake run\n```")


def test_the_readmes_examples_show_what_users_need(tmp_path, monkeypatch):
    out = tmp_path / "new" / "example.py"
    monkeypatch.setattr("sys.argv", ["readme_script.py", str(out)])
    tool.main()
    text = out.read_text(encoding="utf-8")
    ast.parse(text)
    for piece in ("featlib.run()", "lesson.report", "lesson.predict(", "validation.evaluate(",
                  "FeatureExtractor()"):  # fmt: skip
        assert piece in text
