# People, hooks and CI all call these.
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps
RUST := $(shell find crates -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup dev run test check format bench twins lock clean

help: ## What there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(VENV)/base: requirements/base.txt
	@test -x $(PY) || python3 -m venv $(VENV) || { echo "make: python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "installing what the engine is built with ..."
	@$(PIP) -r requirements/base.txt
	@touch $@

$(VENV)/built: $(VENV)/base $(RUST)
	@command -v cargo >/dev/null || { echo "make: a Rust toolchain is needed: https://rustup.rs"; exit 1; }
	@echo "building the engine (minutes, once) ..."
	@VIRTUAL_ENV=$(abspath $(VENV)) $(VENV)/bin/maturin develop --release --locked --quiet >$(VENV)/build.log 2>&1 || { cat $(VENV)/build.log; exit 1; }
	@touch $@

$(VENV)/dev: $(VENV)/base requirements/dev.txt
	@echo "installing what tests need ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@

setup: $(VENV)/built ## Everything that running needs; leaves .venv/bin/flyball

dev: setup $(VENV)/dev ## Everything that developing needs

run: setup ## Set up, then run the demo
	@$(VENV)/bin/flyball demo

test: dev ## All tests
	cargo test --workspace --locked --quiet
	$(PY) -m pytest -n 2 -q

check: dev ## Style, lints, types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml flyball._core

format: dev ## Bring everything into shape
	cargo fmt --all
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format --quiet .

bench: dev ## Measure; BENCH_JSON=FILE writes the figures as JSON
	$(PY) benchmarks/run.py $(if $(BENCH_JSON),--json $(BENCH_JSON))

twins: dev ## The long comparison with the naive twins: a million sequences
	$(PY) -m pytest -q -s -m long tests/reference

lock: dev ## Renew the hashed requirements
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" requirements/base.in -o requirements/base.txt
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" requirements/dev.in -o requirements/dev.txt

clean: ## Remove what was built
	rm -rf $(VENV) target runs
	find python -name '*.so' -delete
