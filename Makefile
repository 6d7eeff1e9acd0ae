# The daily commands. `make run` and `make test` need only Python 3.10 or newer and make.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# uv, where it is installed, is several times faster than pip; the result is the same.
UV := $(shell command -v uv 2>/dev/null)
INSTALL = $(if $(UV),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install)

.PHONY: run lab test unit notebooks notebooks-test browser slow lint bench audit clean

run: $(VENV)/.installed            ## the five stages on the bundled images
	$(BIN)/featlib run

lab: $(VENV)/.installed            ## the notebooks in JupyterLab
	$(BIN)/featlib lab

test: unit notebooks-test browser slow ## all tests

unit: $(VENV)/.installed-test      ## the fast tests
	$(BIN)/python -m pytest -p no:nbval -n auto --dist loadfile tests --ignore tests/browser --ignore tests/slow --ignore tests/tools

notebooks-test: $(VENV)/.installed-test ## every notebook, every output compared
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env notebooks

browser: $(VENV)/.installed-test   ## the quizzes in JupyterLab in a real browser
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist loadfile tests/browser

slow: $(VENV)/.installed-test     ## several processes, a Ray cluster of this machine, the tools
	$(BIN)/python -m pytest -p no:nbval tests/slow tests/tools

notebooks: $(VENV)/.installed-test ## execute all notebooks anew and keep their outputs
	$(BIN)/python tools/execute_notebooks.py

lint: $(VENV)/.installed-test      ## check style and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/.installed-test     ## featlib against the usual tutorial, side by side; the quiz
	$(BIN)/python benchmarks/tutorial.py
	$(BIN)/python benchmarks/quiz.py

audit: $(VENV)/.installed-test     ## known faults of everything that is installed, from PyPI's advisories
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	build/audit/bin/pip-audit --strict --skip-editable \
	  --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

clean:                             ## remove the environment and everything that was made
	rm -rf $(VENV) lesson-report build dist *.egg-info

$(VENV)/bin/python:
	$(if $(UV),uv venv --python $(PYTHON) $(VENV),$(PYTHON) -m venv $(VENV))

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/python
	$(INSTALL) --editable '.[test]'
	touch $@ $(VENV)/.installed
