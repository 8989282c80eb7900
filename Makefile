# `make` lists what can be made. Everything happens in .venv and build; a second run reuses what the first one built.

PYTHON ?= python3
VENV ?= .venv
TORCH ?= torch==2.13.0
DATA ?= digits
# MNIST, where it lies beside the checkout; otherwise it is downloaded, or its tests are skipped.
MLPC_DATA_DIR ?= $(abspath $(wildcard ../shared/mnist))
ifneq ($(MLPC_DATA_DIR),)
export MLPC_DATA_DIR
endif

BIN := $(VENV)/bin
SOURCES := $(shell find csrc -type f) setup.py pyproject.toml
SANITIZE := -O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all
COMMA := ,
# Tests run beside each other, one to a CPU, the long ones that share a fixture in one process: PYTEST="-n 0" for one
# after another.
PARALLEL := -n logical --maxprocesses 8 --dist loadgroup --max-worker-restart 0
DEMO_EXTRAS := progress,plot$(if $(filter mnist,$(DATA)),$(COMMA)data)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo notebooks test bits quick asan mutants exhaustive kills fuzz-files mnist instructions bench bench-full lint clean

help: ## this list
	@echo "make TARGET, where TARGET is one of"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16
	@echo "Settings: PYTHON=$(PYTHON) VENV=$(VENV) DATA=$(DATA) TORCH=$(TORCH) (TORCH= tests without it) PREFIX=$(PREFIX)"

demo: $(VENV)/.demo-$(DATA) ## check gradients, train several networks (DATA=mnist for MNIST), draw demo.png
	$(BIN)/python -m mlpc info
	@echo
	$(BIN)/python -m mlpc gradcheck
	$(BIN)/python -m mlpc train --data $(DATA) --plot demo.png

# What the tests want holds what notebooks want: where that is installed, with PyTorch, nothing is built again.
WITH_TESTS := $(and $(wildcard $(VENV)/.test),$(wildcard $(VENV)/lib/python*/site-packages/torch))
notebooks: $(VENV)/$(if $(WITH_TESTS),.test,.notebooks) ## build the course's notebooks and execute them (DATA=mnist: those in notebooks/solutions)
	$(BIN)/python notebooks/build.py --data $(DATA)

test: $(VENV)/.test ## build and run all tests, the documentation's examples among them (half an hour)
	$(BIN)/python -m pytest $(PARALLEL) -m "not mnist and not machines" $(PYTEST) tests mlpc README.md docs/*.md

bits: $(VENV)/.bits ## the same bits on every machine for which there are a compiler and an emulator here (15 minutes)
	$(BIN)/python -m pytest $(PARALLEL) -rs $(PYTEST) tests/bits/test_builds.py tests/bits/test_symbols.py tests/exchange/test_c_source.py

quick: $(VENV)/.test ## the tests without the slow ones, up to the first failure (2 minutes)
	$(BIN)/python -m pytest $(PARALLEL) -m "not mnist and not slow" -x -q $(PYTEST) tests

# The files that have such tests alone: to collect all others takes each process 20 seconds.
mnist: $(VENV)/.test ## accuracy on MNIST, beside PyTorch (2 minutes)
	$(BIN)/python -m pytest $(PARALLEL) -m mnist $(PYTEST) $$(grep -rl --include='*.py' 'mark\.mnist' tests)

# The copy in build/asan stands before the one installed. Both libraries must be in the process before Python starts:
# libasan for its checks, and the C++ library because libasan takes over its exceptions. Allocations that are too large
# are warned of and fail, as some tests want them to. Left out are tests that reach no C code of the extension but what
# others reach: of notebooks, pictures, printed text, files, packages, data, names of columns, metrics, sweeps and long
# training, and of other programs; of how near numbers are to those of mpmath, PyTorch and JAX, and of the course's
# classes, by kernels that tests/bits/test_kernels.py runs on all sizes; and of memory that is given back, which the
# sanitizers keep for a while.
NOT_SANITIZED := notebooks files exchange estimators tables cli course accuracy data test_plot.py test_packaging.py \
    test_typing.py test_bench.py test_structure.py test_mnist.py test_serving.py test_c_library.py test_examples.py \
    boundary/test_team.py boundary/test_num_threads.py \
    $(addprefix net/test_,$(addsuffix .py,columns custom_loss early_help history memory metrics sweep torch_agreement \
    torch_steps))
asan: $(VENV)/.test build/asan/.built ## the quick tests under AddressSanitizer and UndefinedBehaviorSanitizer (a quarter of an hour)
	LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libstdc++.so.6)" \
	MLPC_REQUIRE_FROM=$(CURDIR)/build/asan PYTHONPATH=$(CURDIR)/build/asan PYTHONSAFEPATH=1 PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	$(BIN)/pytest $(PARALLEL) -m "not mnist and not slow" -q --capture=sys -p no:cacheprovider \
	$(addprefix --ignore=tests/,$(NOT_SANITIZED)) $(PYTEST) tests

mutants: $(VENV)/.test ## break each promise on purpose; every break must fail a test
	$(BIN)/python tests/bits/mutants.py $(MUTANTS)

exhaustive: $(VENV)/.test ## the elementary functions on every float32 there is
	$(BIN)/python tests/accuracy/exhaustive.py $(EXHAUSTIVE)

kills: $(VENV)/.test ## kill trainings 200 times while they write checkpoints, and resume each; kill save, and fill its disk
	$(BIN)/python tests/files/kills.py $(KILLS)
	$(BIN)/python tests/files/save_kills.py $(KILLS)

fuzz-files: $(VENV)/.test ## 100,000 files that are changed at random: each is refused, or works (10 minutes)
	$(BIN)/python tests/files/fuzz.py $(FUZZ)

instructions: ## instructions that small runs take, by valgrind, beside those recorded (3 minutes)
	$(PYTHON) tests/instructions/counts.py $(INSTRUCTIONS)

bench: $(VENV)/.bench ## speed beside PyTorch, JAX, NumPy, scikit-learn and onnxruntime, in short (20 minutes)
	$(BIN)/python bench/run.py $(BENCH)

bench-full: $(VENV)/.bench ## more rows, sizes and contenders, and the charts of README.md (3 hours)
	$(BIN)/python bench/run.py --full --chart docs $(BENCH)

lint: $(VENV)/.lint ## ruff and mypy; C by clang-format and by the warnings of gcc and clang; its lines end at 120
	! grep -rnE --include='*.[ch]' --include='*.inc' '.{121}' csrc tests/c examples
	$(BIN)/python tools/lint_c.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy mlpc

# ---- The C library ------------------------------------------------------------------------------------------------

LIB := build/c
PREFIX ?= /usr/local
CFLAGS ?= -O3
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# While the first number is 0, the second one rises where a program must be compiled again.
SONAME := libmlpc.so.$(basename $(VERSION))
# Those of setup.py, which the arithmetic wants. The same objects serve both libraries: so the static one, too, can
# become part of a shared one.
LIB_FLAGS := -std=c11 -pthread -fPIC -fvisibility=hidden -DMLPC_SHARED_LIBRARY \
    -fno-fast-math -fno-unsafe-math-optimizations -ffp-contract=off -fno-math-errno
OBJECTS := $(patsubst csrc/%.c,$(LIB)/%.o,$(wildcard csrc/core/*.c csrc/kernels/*.c csrc/kernels/*/*.c))

.PHONY: lib install-lib
lib: $(addprefix $(LIB)/,libmlpc.a libmlpc.so mlpc.h mlpc.pc) ## the C library, static and shared, in build/c

install-lib: lib ## what C programs need of it, below DESTDIR and PREFIX
	install -d "$(DESTDIR)$(PREFIX)/include" "$(DESTDIR)$(PREFIX)/lib/pkgconfig"
	install -m 644 $(LIB)/mlpc.h "$(DESTDIR)$(PREFIX)/include"
	install -m 644 $(LIB)/mlpc.pc "$(DESTDIR)$(PREFIX)/lib/pkgconfig"
	install -m 644 $(LIB)/libmlpc.a "$(DESTDIR)$(PREFIX)/lib"
	install -m 755 $(LIB)/$(SONAME) "$(DESTDIR)$(PREFIX)/lib"
	ln -sf $(SONAME) "$(DESTDIR)$(PREFIX)/lib/libmlpc.so"

$(LIB)/%.o: csrc/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LIB_FLAGS) -MMD -MP -c $< -o $@

-include $(OBJECTS:.o=.d)

$(LIB)/libmlpc.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(LIB)/$(SONAME): $(OBJECTS)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) $^ -lm -pthread -o $@

$(LIB)/libmlpc.so: $(LIB)/$(SONAME)
	ln -sf $(SONAME) $@

$(LIB)/mlpc.h: tools/public_header.py $(wildcard csrc/core/*.h) csrc/kernels/types.h csrc/kernels/kernels.def
	@mkdir -p $(@D)
	$(PYTHON) tools/public_header.py > $@

.PHONY: $(LIB)/mlpc.pc # which names PREFIX: it may be another one than last time
$(LIB)/mlpc.pc: csrc/core/mlpc.pc.in
	@mkdir -p $(@D)
	sed 's|@PREFIX@|$(abspath $(PREFIX))|; s|@VERSION@|$(VERSION)|' $< > $@

clean: ## everything that was made
	rm -rf $(VENV) build *.egg-info mlpc/_mlpc*.so demo.png .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/.base:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	    { echo "mlpc needs Python 3.10 or later; '$(PYTHON)' is none. Try make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' || \
	    { echo "mlpc needs Python's headers to build (Debian: python3-dev)"; exit 1; }
	@command -v $(CC) > /dev/null || { echo "mlpc needs a C compiler; '$(CC)' is none. Try make CC=gcc or CC=clang"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(call install,--upgrade pip setuptools wheel 'numpy>=2')
	@touch $@

# pip and setuptools warn of what nobody here can change; what they say is shown where they fail.
define install
	@echo "$(BIN)/python -m pip install $(1)"
	@$(BIN)/python -m pip install --quiet $(1) > $@.log 2>&1 || { cat $@.log; exit 1; }
endef

# Each of these builds the extension again where its sources have changed, which takes minutes, and adds packages.
EDITABLE := --no-build-isolation --editable

$(VENV)/.demo-%: $(VENV)/.base $(SOURCES)
	$(call install,$(EDITABLE) '.[$(DEMO_EXTRAS)]')
	@touch $@

$(VENV)/.notebooks: $(VENV)/.base $(SOURCES)
	$(call install,$(EDITABLE) '.[notebooks]' $(TORCH))
	@touch $@

$(VENV)/.test: $(VENV)/.base $(SOURCES)
	$(call install,$(EDITABLE) '.[test]' $(TORCH))
	@touch $@

$(VENV)/.bits: $(VENV)/.test
	$(call install,ziglang)
	@touch $@

$(VENV)/.bench: $(VENV)/.base $(SOURCES)
	$(call install,$(EDITABLE) '.[bench]' $(TORCH))
	@touch $@

$(VENV)/.lint: $(VENV)/.base $(SOURCES)
	$(call install,$(EDITABLE) '.[lint]')
	@touch $@

build/asan/.built: $(VENV)/.base $(SOURCES) $(wildcard mlpc/*.py)
	CFLAGS="$(SANITIZE)" LDFLAGS="$(SANITIZE)" \
	$(BIN)/python setup.py --quiet build --build-lib build/asan --build-temp build/asan-objects --force
	@touch $@
