# The daily commands. `make run` and `make test` need only Python 3.10 or newer and make, and a network
# the first time.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# pip brings uv, and uv all the rest: the same packages, several times faster.
INSTALL = $(BIN)/uv pip install --python $(BIN)/python $(BACKEND)

# TORCH=cpu takes PyTorch's builds without CUDA, from PyTorch's own index: gigabytes less on Linux.
BACKEND = $(if $(TORCH),--torch-backend $(TORCH))

# A process that may not keep what it compiled compiles PyTorch, and all the rest, each time anew.
unexport PYTHONDONTWRITEBYTECODE

# Where the oldest allowed versions go, and where the wheel is built and proved.
LOWEST ?= .venv-lowest
BUILD ?= build/wheel
# The fast tests, of the lesson itself, and the examples in the docstrings. The others take longer:
# those of the command line, figures, pages and bad input, of what goes past the lesson, of processes,
# and of the tools.
# What takes minutes and seldom breaks is tested once a week, and before a release.
MORE = tests/test_cli.py tests/test_doctor.py tests/engine tests/notebooks tests/pages tests/plots tests/quiz tests/robustness
# The longest first: two workers then end at the same time.
SLOW = tests/slow tests/scale tests/model tests/tools tests/exercises $(MORE) tests/widgets
UNIT_TESTS = --doctest-modules tests featlib --ignore tests/browser --ignore tests/long
UNIT = $(UNIT_TESTS) $(addprefix --ignore ,$(SLOW))
FORMS = .github/ISSUE_TEMPLATE/fault.yml .github/ISSUE_TEMPLATE/idea.yml

.PHONY: run lab test checks unit notebooks notebooks-test browser slow long lint lowest wheel bench audit image clean

run: $(VENV)/.installed            ## the five stages on the bundled images
	$(BIN)/featlib run

lab: $(VENV)/.installed            ## the notebooks in JupyterLab
	$(BIN)/featlib lab

test: checks notebooks-test browser ## all tests but the long ones

checks: $(VENV)/.installed-test    ## `make unit` and `make slow` in one: each worker imports PyTorch once
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist loadfile --no-loadscope-reorder -m 'not long' $(SLOW) $(UNIT_TESTS)

unit: $(VENV)/.installed-test      ## the fast tests, and the examples in the docstrings
	$(BIN)/python -m pytest -p no:nbval -n auto --dist loadfile $(UNIT)

notebooks-test: $(VENV)/.installed-test ## every notebook, every output compared
	$(BIN)/python -m pytest -n 2 --dist loadfile --nbval --nbval-current-env notebooks

browser: $(VENV)/.installed-test   ## widgets, slides and pages in a real browser: in JupyterLab, and without Python
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist worksteal -m 'not long' tests/browser

slow: $(VENV)/.installed-test      ## past the lesson: the command line, the machinery, figures, pages, bad input, exercises, widgets, many pictures, full disks, random damage, tools
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist loadfile --no-loadscope-reorder -m 'not long' $(SLOW)

long: $(VENV)/.installed-test      ## what takes long and seldom fails: kills, pools of processes, a Ray cluster, giant pictures, the site and more in a browser, the tools, 70,000 random inputs
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist loadfile tests/long
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist loadfile -m long tests --ignore tests/browser --ignore tests/long
	$(BIN)/python -m pytest -p no:nbval -n 2 --dist worksteal -m long tests/browser
	$(BIN)/python -m pytest -p no:nbval -n 2 --hypothesis-profile long tests/slow/test_fuzz.py tests/robustness/test_bad_models.py
	$(BIN)/python tools/kill.py --rounds 200

notebooks: $(VENV)/.installed-test ## execute all notebooks anew and keep their outputs
	$(BIN)/python tools/execute_notebooks.py

lint: $(VENV)/.installed-lint      ## style, format, types, and the files of GitHub
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python tools/readme_script.py build/readme_example.py
	$(BIN)/pyright --pythonpath $(BIN)/python build/readme_example.py
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-config .github/ISSUE_TEMPLATE/config.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-issue-forms $(FORMS)
	$(BIN)/check-jsonschema --builtin-schema vendor.citation-file-format CITATION.cff

# Old libraries use what is deprecated in the newest of their own: no fault of ours.
lowest: $(LOWEST)/.installed       ## the fast tests, command line, figures, pages, bad input and notebooks 00 to 06, on the oldest allowed versions
	$(LOWEST)/bin/python -m pytest -W ignore::DeprecationWarning -p no:nbval -n auto --dist loadfile $(UNIT)
	$(LOWEST)/bin/python -m pytest -W ignore::DeprecationWarning -p no:nbval -n auto --dist loadfile $(MORE)
	$(LOWEST)/bin/python -m pytest -W ignore::DeprecationWarning -n 2 --dist loadfile --nbval --nbval-current-env notebooks/0[0-6]*.ipynb

# PROVE=--fast takes the dependencies from $(VENV) instead of downloading them.
wheel: $(BUILD)/.installed         ## build wheel and sdist, and prove the wheel in an empty environment
	rm -rf dist
	$(BUILD)/bin/python -m build
	$(BUILD)/bin/python tools/prove_wheel.py $(PROVE) --venv $(VENV) dist

bench: $(VENV)/.installed-test     ## featlib against the usual tutorial, side by side; the quiz
	$(BIN)/python benchmarks/tutorial.py
	$(BIN)/python benchmarks/quiz.py

audit: $(VENV)/.installed-test     ## known faults of everything that is installed, from PyPI's advisories
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet pip-audit
	$(PYTHON) tools/audit.py build/audit/bin/pip-audit \
	  "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

image:                             ## a container with JupyterLab and the notebooks, without CUDA
	docker build --tag featlib .

clean:                             ## remove the environments, the report, and what was built
	rm -rf $(VENV) $(LOWEST) lesson-report build dist *.egg-info

$(VENV)/bin/uv $(LOWEST)/bin/uv:
	$(PYTHON) -m venv $(@D)/..
	$(@D)/python -m pip install --quiet uv

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) --editable '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: pyproject.toml | $(VENV)/bin/uv
	$(INSTALL) --editable '.[test,lint]'
	touch $@ $(VENV)/.installed-test $(VENV)/.installed

# --upgrade: what is installed already has no say in which version is taken.
$(LOWEST)/.installed: pyproject.toml | $(LOWEST)/bin/uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --upgrade --resolution lowest-direct --editable '.[test]'
	touch $@

$(BUILD)/.installed:
	$(PYTHON) -m venv $(BUILD)
	$(BUILD)/bin/python -m pip install --quiet build
	touch $@
