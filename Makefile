# People, hooks and CI all call these.
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install --require-hashes --no-deps
# With a nightly toolchain addresses are checked too; the stable one fuzzes without that.
FUZZ := $(if $(shell rustup toolchain list 2>/dev/null | grep nightly),cargo +nightly fuzz run,RUSTC_BOOTSTRAP=1 cargo fuzz run -s none)
RUST := $(shell find crates -name '*.rs' -o -name 'Cargo.toml') Cargo.toml Cargo.lock pyproject.toml

# Node 20.19, 22.12 or newer, and npm.
NODE := command -v npm >/dev/null && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 22 || (a == 22 && b >= 12) || (a == 20 && b >= 19) ? 0 : 1)'

WEB := $(shell find web -path web/node_modules -prune -o -type f -print)

.DEFAULT_GOAL := help
.PHONY: help setup dev run test check format bench proof wheel simulate crash fuzz lock clean

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

# Without Node, or a Node that is too old, everything but the page of the dashboard is there.
$(VENV)/page: $(VENV)/base $(WEB)
	@if ! { $(NODE); }; then \
	  echo "the dashboard's page is not built: that wants Node 20.19, 22.12 or newer, and npm; all else works"; \
	elif echo "building the dashboard's page ..." && (cd web && npm ci --silent && npm run --silent build) >$(VENV)/page.log 2>&1; then touch $@; \
	else echo "the dashboard's page could not be built: $(VENV)/page.log says why; all else works"; fi

$(VENV)/dev: $(VENV)/base requirements/dev.txt
	@echo "installing what tests need ..."
	@$(PIP) -r requirements/dev.txt
	@touch $@

setup: $(VENV)/built $(VENV)/page ## Everything that running needs; leaves .venv/bin/flyball

dev: setup $(VENV)/dev ## Everything that developing needs

run: setup ## Set up, then run the demo
	@$(VENV)/bin/flyball demo

test: dev ## All tests; LONG=tests/reference: instead the long programmes of a folder
	$(if $(LONG),$(PY) -m pytest -q -s -m long $(LONG),cargo test --workspace --locked --quiet)
	$(if $(LONG),,$(PY) -m pytest -n 2 -q)

check: dev ## Style, lints, types
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml flyball._core
	@if { $(NODE); }; then for each in web deploy/grafana; do (cd $$each && npm ci --silent && npm run --silent check) || exit 1; done; \
	else echo "the page and Grafana's dashboards are not looked at: that wants Node 20.19, 22.12 or newer, and npm"; fi

format: dev ## Bring everything into shape
	cargo fmt --all
	$(VENV)/bin/ruff check --fix --quiet .
	$(VENV)/bin/ruff format --quiet .

bench: dev ## Measure beside the peers; BENCH_JSON=FILE, BENCH_ONLY=maker,bars,growth,stages,budgets,...; BENCH_RENEW=1 renews the budgets
	$(PY) benchmarks/run.py $(if $(BENCH_JSON),--json $(BENCH_JSON)) $(if $(BENCH_ONLY),--only $(BENCH_ONLY))

proof: setup ## The crash matrix: PROOF="--full", PROOF="--html proof.html"
	$(VENV)/bin/flyball proof $(PROOF)

wheel: setup ## A wheel in dist/ that carries the page, and a look at what is in it
	@test -e $(VENV)/page || { echo "make: a wheel carries the page, and that is not built: see above"; exit 1; }
	@rm -rf dist
	@VIRTUAL_ENV=$(abspath $(VENV)) $(VENV)/bin/maturin build --release --locked --quiet --out dist
	@$(PY) deploy/wheel.py dist

simulate: ## Days of faults without sockets, a thousand seeds in eight minutes: FLYBALL_SIM_HOURS=190, FLYBALL_SIM_MINUTES=6
	FLYBALL_SIM_HOURS=$(or $(FLYBALL_SIM_HOURS),190) FLYBALL_SIM_MINUTES=$(or $(FLYBALL_SIM_MINUTES),6) cargo test -p flyball-live --locked --test simulation -- --ignored --nocapture

crash: ## Kill a trading engine at 500 moments and at every system call of its orders: FLYBALL_CRASHES=500
	FLYBALL_CRASHES=$(or $(FLYBALL_CRASHES),500) cargo test -p flyball-live --locked --test crash -- --ignored --nocapture --test-threads=1

fuzz: ## Fuzz the decoders (needs cargo-fuzz): FUZZ_SECONDS=600
	@command -v cargo-fuzz >/dev/null || { echo "make: cargo-fuzz is needed: cargo install cargo-fuzz"; exit 1; }
	@command -v c++ >/dev/null || { echo "make: a C++ compiler is needed: on Debian, apt-get install g++"; exit 1; }
	cd fuzz && for target in hyperliquid_frame hyperliquid_info hyperliquid_answer decoders; do \
	  mkdir -p corpus/$$target && \
	  $(FUZZ) $$target corpus/$$target seeds/$$target -- -max_total_time=$(or $(FUZZ_SECONDS),600) || exit 1; done

lock: dev ## Renew the hashed requirements
	for name in base observe dev; do \
	  $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	@for one in benchmarks/peers/requirements/*.in; do $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock" $$one -o $${one%.in}.txt || exit 1; done

clean: ## Remove what was built
	rm -rf $(VENV) target dist runs web/node_modules deploy/grafana/node_modules deploy/grafana/build python/flyball/ops/dashboard/page
	find python -name '*.so' -delete
