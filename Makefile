# `make help` lists what there is. How the setup works: scripts/setup.

PYTHON_BIN = .venv/bin/python
LESSON = 00-start-here.ipynb
COMPILE = uv pip compile -q --universal --python-version 3.10 --no-annotate --upgrade pyproject.toml \
	--custom-compile-command "make pins"

.DEFAULT_GOAL = help
.PHONY: help lab test check bench lessons pins clean

help:  ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

lab:  ## install what is missing and open the lessons in JupyterLab (VNETLEARN_NO_BROWSER=1: only print the address)
	@scripts/setup
	@scripts/lab $(LESSON)

test:  ## install what is missing and run the whole suite, notebooks included
	@scripts/setup tests
	$(PYTHON_BIN) -m pytest -n $$(($$(nproc) + 1)) # one more than cores, since tests also wait

check:  ## lint, formatting, types, and the doors between rooms
	@scripts/setup tests
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports

bench:  ## measure labs beside their peers, as a table (docs/performance.md)
	@scripts/setup tests
	$(PYTHON_BIN) -m bench

lessons:  ## run all lessons and store what they put out (one: .venv/bin/python scripts/lessons NOTEBOOK)
	@scripts/setup tests
	$(PYTHON_BIN) scripts/lessons

pins:  ## choose new versions for the pinned sets of Python packages (needs the program uv)
	$(COMPILE) --extra editable -o binder/requirements.txt
	$(COMPILE) --extra test --extra check -c binder/requirements.txt -o tests/requirements.txt

clean:  ## remove what was installed and made in this folder (the guest image stays in your cache folder)
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .grimp_cache .import_linter_cache
