# What people do here. `make` alone lists it.

CARGO ?= cargo
# Rounds of kill -9 in `make crash`.
ROUNDS ?= 100

# Where rustup puts cargo, for shells that were opened before it was installed.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.PHONY: help demo test lint bench install crash

help:
	@echo 'make demo     build, and watch the factory work on a throw-away repository (no account needed)'
	@echo 'make test     run all tests'
	@echo 'make lint     check formatting, and clippy with and without default features'
	@echo 'make crash    kill -9 the daemon at random moments, ROUNDS=$(ROUNDS) times, and compare the outcome'
	@echo 'make bench    measure'
	@echo 'make install  install enact-factory into the cargo bin directory'

demo:
	@scripts/setup
	@$(CARGO) run --locked -- demo $(DEMO)

test:
	@scripts/setup --tests
	@scripts/install-agents || echo 'make test: the tests that drive the real agent CLIs are skipped'
	@scripts/install-judges || echo 'make test: the tests that need a judge are skipped'
	@$(CARGO) test --locked --no-fail-fast

lint:
	@scripts/setup --lint
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings

crash:
	@scripts/setup
	ENACT_FACTORY_CRASH_ROUNDS=$(ROUNDS) $(CARGO) test --locked --test it crash:: -- --nocapture

bench:
	@scripts/setup
	$(CARGO) bench --locked

install:
	@scripts/setup
	$(CARGO) install --locked --path .
