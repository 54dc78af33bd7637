# Every target sets up what it needs in .venv first.
ifeq ($(OS),Windows_NT)
PYTHON ?= python
SCRIPTS := Scripts
else
PYTHON ?= python3
SCRIPTS := bin
endif
BIN := .venv/$(SCRIPTS)
OLDEST := .venv-oldest/$(SCRIPTS)
# The networks are small: one thread computes them as fast as two, and does not suffer where
# another process takes the second core.
export OMP_NUM_THREADS ?= 1
export MPLBACKEND ?= agg

.PHONY: demo test fuzz test-wheel dist test-oldest coverage mutants lint format docs bench \
    bench-accuracy bench-explanations bench-rivals clean

demo: .venv/.installed
	$(BIN)/python examples/demo.py

# On all cores, one process each; the tests of a file, which share what is slow to make, together.
PARALLEL := --numprocesses auto --dist loadfile

test: .venv/.installed
	$(BIN)/python -m pytest $(PARALLEL)

# 50 000 calls with whatever may come in, instead of the 2000 of `make test`: about ten minutes.
fuzz: .venv/.installed
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest tests/test_fuzz.py

# sdist and wheel, installed where nothing else is.
test-wheel: .venv/.installed
	$(BIN)/python -m pytest tests/test_wheel.py -m slow

# sdist and wheel, in dist, as they are published; fails where TAG, if given, is not the version.
dist: .venv/.installed
	$(BIN)/python -c "import sklearn_spectral as s; assert '$(TAG)' in ('', 'v' + s.__version__)"
	rm -rf dist
	$(BIN)/python -m build

# With the oldest versions that pyproject.toml admits, but for torch (see TORCH below), without the
# site; the newest are those of `make test`.
test-oldest: .venv-oldest/.installed
	$(OLDEST)/python -m pytest $(PARALLEL) -W ignore::DeprecationWarning \
	    --ignore tests/test_docs.py

# Lines and branches that the tests run; fails below 95 %.
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest $(PARALLEL) --cov

# Changes the arithmetic of maps, tables and metrics, one place at a time, and sees whether a test
# notices: about an hour. It goes on where it stopped; `.venv/bin/mutmut show NAME` shows a survivor.
mutants: .venv/.installed-dev
	$(BIN)/mutmut run --max-children 1
	$(BIN)/mutmut results

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

format: .venv/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The site, in docs/_build; warnings are errors. It runs examples and pages, which takes minutes:
# SPHINXOPTS="-D plot_gallery=0 -D nb_execution_mode=off" leaves them as they are.
docs: .venv/.installed-docs
	$(BIN)/python -m sphinx -W --keep-going -b html $(SPHINXOPTS) docs docs/_build

bench: .venv/.installed
	$(BIN)/python benchmarks/speed.py

# Hours for everything, and it goes on where it stopped; ARGS=--quick takes minutes.
bench-accuracy: .venv/.installed
	$(BIN)/python benchmarks/accuracy.py $(ARGS)

# Half an hour for everything; ARGS=--quick takes two minutes.
bench-rivals: .venv/.installed
	$(BIN)/python benchmarks/rivals.py $(ARGS)

# About an hour for everything; ARGS=--quick takes minutes.
bench-explanations: .venv/.installed
	$(BIN)/python benchmarks/explanations.py $(ARGS)

# torch first and pinned, with plain pip: where a CPU build of it is at hand that one is taken.
# TORCH=torch takes the newest, and `make test-oldest TORCH=torch==2.5.1` the oldest.
TORCH ?= torch==2.13.0

.venv/.installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	touch $@

.venv-oldest/.installed: pyproject.toml tests/oldest.txt
	$(PYTHON) -m venv .venv-oldest
	$(OLDEST)/python -m pip install --quiet "$(TORCH)"
	$(OLDEST)/python -m pip install --quiet --constraint tests/oldest.txt \
	    --editable ".[dask,datasets,interactive,onnx,plot,skops]" \
	    "captum" "hypothesis" "mapie" "polars" "pytest" "pytest-xdist" "xarray" "zarr"
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@

.venv/.installed-docs: .venv/.installed
	$(BIN)/python -m pip install --quiet --editable ".[docs]"
	touch $@

clean:
	rm -rf .venv .venv-oldest build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -rf .coverage mutants
	rm -rf docs/_build docs/gallery docs/generated docs/jupyter_execute
