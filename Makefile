# Two commands on a machine with Python 3.11 (or 3.12, 3.13) and make: `make reproduce` and `make test`.
# Variables, given after the target (`make reproduce PROFILE=smoke`):
#   PROFILE   smoke, tutorial (default), full or paper
#   PYTHON    the Python that makes the environment; by default 3.11, 3.12 or 3.13
#   TORCH     `cpu` takes PyTorch's build without CUDA, as is done where no GPU is seen;
#             `cuda` takes the one with it
#   DATA      folder of real clips for the benchmarks named real_*
#   LAB       options of JupyterLab, such as "--no-browser --port 8890"
#   COURSE    folder that `make course` fills for nbgrader
#   APP       options of Voila, such as "--no-browser --port 8890"

PYTHON ?= $(or $(firstword $(foreach v,11 12 13,\
    $(shell python3.$(v) -c 'print("python3.$(v)")' 2>/dev/null))),python3)
PROFILE ?= tutorial
TORCH ?= $(if $(shell command -v nvidia-smi),cuda,cpu)
DATA ?=
LAB ?=
APP ?=
COURSE ?=

# Small tensors: more threads than one slow a run down, and sums in another order
# change the last digits of results.
OMP_NUM_THREADS ?= 1
export OMP_NUM_THREADS

# $(call quoted,PATH) is one word for the shell, whatever PATH holds: a path with a blank
# would be two words, and `rm -rf` would remove what the first one names. `typed` is for
# paths given after the target, where the caller's shell may have kept a leading ~/.
quoted = '$(subst ','\'',$(1))'
typed = $(subst '~/,~/',$(if $(1),$(quoted)))

BIN := .venv/bin
INSTALLED := .venv/installed
# Asked for PyTorch alone, once and briefly: where it can't be reached, pip goes on with
# what it has elsewhere.
TORCH_INDEX := $(if $(filter cpu,$(TORCH)),--retries 1 --timeout 20 \
    --extra-index-url https://download.pytorch.org/whl/cpu)
BENCHMARKS := $(filter-out %/results.py %/studies.py %/teaching.py %/journeys.py %/first_photograph.py %/rehearsal.py \
    %/alive.py %/lids_mediapipe.py benchmarks/real_%,$(wildcard benchmarks/*.py))
REAL_BENCHMARKS := $(if $(DATA),$(wildcard benchmarks/real_*.py) benchmarks/alive.py)

# Python would take an empty EMOFACE_RUNS for the folder that it works in. Programs read
# EMOFACE_RUNS and know nothing of RUNS: given on the command line, it has no effect.
ifeq ($(strip $(value EMOFACE_RUNS)),)
    unexport EMOFACE_RUNS
    override RUNS := $(CURDIR)/runs
else
    override RUNS := $(value EMOFACE_RUNS)
endif
in_runs = $(foreach name,$(1),$(call quoted,$(RUNS)/$(name)))

.PHONY: help install reproduce test test-library coverage test-fast test-ray test-course \
	test-notebooks test-browser course check lab app book notebooks editions slides \
	release bench format lock clean
.DELETE_ON_ERROR:
.NOTPARALLEL: # two cores are busy with one of these

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-15s %s\n", $$1, $$2}' Makefile
	@echo "PROFILE=smoke|tutorial|full|paper (now $(PROFILE)); TORCH=cpu|cuda (now $(TORCH))"

install: $(INSTALLED) ## the environment in .venv, once (the others do it by themselves)

# The stamp is taken away first and set last: an environment without it was cut off and
# is made anew, because pip takes a package that was half-copied for an installed one.
$(INSTALLED): requirements.lock pyproject.toml
	@$(call typed,$(PYTHON)) -c \
	    'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
	    echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.12"; exit 1; }
	@mkdir -p .venv
	@[ ! -s .venv/installing ] || kill -0 "$$(cat .venv/installing)" 2>/dev/null \
	    || rm -f .venv/installing
	@(set -C; echo $$PPID > .venv/installing) 2>/dev/null || { \
	    echo "Another make is installing into .venv; wait for it."; exit 1; }
	@[ -e $@ ] || find .venv -mindepth 1 -maxdepth 1 ! -name installing -exec rm -rf {} +
	@rm -f $@
	@echo "Installing into .venv, once, which takes about 3 minutes ..."
	$(call typed,$(PYTHON)) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps $(TORCH_INDEX) \
	    "$$(grep '^torch==' requirements.lock)"
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet "$$(grep '^torch==' requirements.lock)" # CUDA's
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@mv .venv/installing $@

reproduce: $(INSTALLED) ## run the notebooks (PROFILE) and fill figures/
	$(BIN)/emoface reproduce --profile $(call quoted,$(PROFILE))

test: check test-library test-notebooks test-course test-browser ## every test

check: $(INSTALLED) ## style, types and the hygiene of the notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.check_shapes
	$(BIN)/python -m tools.check_language
	$(BIN)/python -m tools.check_names
	$(BIN)/python -m tools.check_notebooks notebooks

# The tests of the library, two files at a time, those of rooms with long ones first:
# neither process waits for the other's last. Those in a browser want a notebook's run.
LONG := tests/evaluation/ tests/translation/
ROOMS := $(filter-out $(LONG),$(sort $(dir $(wildcard tests/*/test_*.py))))
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder \
    --ignore-glob '*/test_browser.py' --ignore-glob '*/test_book.py' $(LONG) $(ROOMS)

test-library: $(INSTALLED)
	$(PYTEST)

coverage: $(INSTALLED) ## the lines of emoface_lib that the library's tests don't run
	$(PYTEST) --cov --cov-report=
	$(BIN)/coverage report --show-missing

test-fast: $(INSTALLED) ## the tests of the library that take no seconds
	$(PYTEST) -m 'not slow'

# Ray and nbgrader are not part of the environment. Each gets one of its own, which looks
# into .venv for all that it does not bring: $(call beside,NAME) for the extra NAME. Both
# have the same Python; the path is found from there, so that no name has to be quoted.
# pip is given the range of pyproject.toml and, for this extra, the pin of the lock.
LOOK_INTO_VENV := import site, sys; \
    site.addsitedir(sys.prefix + "/../lib/python%d.%d/site-packages" \
    % sys.version_info[:2])
define beside
	[ -e .venv/$(1)/bin/pip ] || $(BIN)/python -m venv .venv/$(1)
	cd .venv/$(1)/lib/python3.*/site-packages && echo '$(LOOK_INTO_VENV)' > project.pth
	.venv/$(1)/bin/python -m pip install --quiet \
	    "$$(sed -n 's/^$(1) = \["\(.*\)"\].*/\1/p' pyproject.toml)" \
	    "$$(sed -n 's/ ; extra == "$(1)"$$//p' requirements.lock)"
endef
RAY := .venv/ray/bin/python
NBGRADER := .venv/course/bin/python

test-ray: $(INSTALLED) ## the tests of --engine ray, after installing Ray beside .venv
	$(call beside,ray)
	$(RAY) -m pytest tests/runs/test_ray.py tests/runs/test_batch_ray.py

course: $(INSTALLED) ## a folder for nbgrader (COURSE=runs/course) with all lessons
	$(call beside,course)
	$(NBGRADER) -m course.release $(call typed,$(COURSE))

# The student edition goes through nbgrader: handed out, handed in, marked.
test-course: $(INSTALLED)
	$(call beside,course)
	$(BIN)/emoface reproduce --profile smoke --through 04_content_encoder
	$(NBGRADER) -m pytest tests/course/test_release.py

# The notebooks through papermill, and up to their last marked cell once more through
# nbval in a folder of its own: cells marked NBVAL_CHECK_OUTPUT must give the same output,
# number by number.
test-notebooks: $(INSTALLED)
	$(BIN)/python -m tools.repeat_notebooks

# Needs Debian's chromium; without it the tests are skipped, and say so.
test-browser: $(INSTALLED) ## the dial and the book in a real browser
	$(BIN)/emoface reproduce --profile smoke --through 08_emotion_space
	$(BIN)/python -m pytest -rs -n 2 --dist loadfile \
	    tests/course/test_book.py tests/course/test_browser.py

lab: $(INSTALLED) ## the lessons to work in, without their answers, in JupyterLab
	$(BIN)/emoface lab lessons $(LAB)

app: $(INSTALLED) ## the dial of notebook 08 as a page of its own, by Voila
	$(BIN)/python -m tools.app $(APP)

book: $(INSTALLED) ## the notebooks as a web book, in build/book, from their stored outputs
	$(BIN)/python -m course.make_book

notebooks: $(INSTALLED) ## run the notebooks (tutorial) and store their outputs in them
	$(BIN)/python -m tools.store_notebooks

editions: $(INSTALLED) ## the lessons for students, with solutions, for teachers, in build/editions
	$(BIN)/python -m course.make_editions

# With npm, what the slides load lies beside them; without it they fetch it from the web.
SCRIPTS := reveal.js@4.0.2 requirejs@2.3.7 jquery@3.7.1 mathjax@2.7.9

slides: $(INSTALLED) ## the lessons as slides, in build/slides, from their stored outputs
	@mkdir -p build/slides
	-npm install --silent --no-save --no-package-lock --prefix build/slides $(SCRIPTS)
	$(BIN)/python -m course.make_slides

release: editions book ## editions and book as archives in dist/, to attach to a release
	mkdir -p dist
	for made in editions book; do tar czf dist/emoface-$$made.tar.gz -C build $$made; done

bench: $(INSTALLED) ## the measurements, into benchmarks/results.csv (real ones with DATA)
	set -e; for script in $(BENCHMARKS); do PYTHONPATH=. $(BIN)/python "$$script"; done
	set -e; for script in $(REAL_BENCHMARKS); do \
	    PYTHONPATH=. $(BIN)/python "$$script" $(call typed,$(DATA)); done

format: $(INSTALLED) ## let ruff mend the style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## write requirements.lock from what is installed
	@mkdir -p build
	$(BIN)/python -m pip freeze --all --exclude pip --exclude-editable > build/freeze
	{ grep '^#' requirements.lock; \
	    grep -v "^nvidia\|^cuda\|^triton\|^opencv-python=" build/freeze \
	    | sed "s/+cpu//"; \
	    grep ' ; extra == ' requirements.lock; } > build/lock
	mv build/lock requirements.lock

clean: ## remove what minutes make again; runs/full, runs/paper and .venv stay
	rm -rf -- build $(call in_runs,smoke tutorial repeat)
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./.venv -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +
