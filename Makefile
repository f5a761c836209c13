# `make help` lists the targets. Each installs what it lacks first (scripts/install.sh), and is quick when nothing is missing.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
export JOBS

# $(call build,PRESET,TARGET). A build folder is configured once; ninja looks after it from then on. Two makes at once take turns.
define build
	@mkdir -p build/$(1)
	@flock build/$(1) bash -c '{ [ -f build/$(1)/build.ninja ] || cmake --preset $(1); } && cmake --build --preset $(1) --target $(2) --parallel $(JOBS)'
endef

.PHONY: all demo test bench lint format asan fuzz clean help

all: ## build the program: build/release/retort
	@scripts/install.sh build
	$(call build,release,retort)

demo: ## make an emoji data set, fetch a teacher, distil it, and print what that was worth
	@scripts/install.sh build demo
	$(call build,release,retort)
	@scripts/demo.sh

test: ## build and run the tests
	@scripts/install.sh build test
	$(call build,release,all)
	@ctest --preset release --parallel $(JOBS)

asan: ## build and run the tests with the address and undefined-behaviour sanitizers
	@scripts/install.sh build test
	$(call build,asan,all)
	@ctest --preset asan --parallel $(JOBS)

fuzz: ## build and run the fuzzers, 20 seconds each
	@scripts/fuzz.sh

bench: ## run all benchmarks beside plain PyTorch (two hours and more): a table and build/bench.json
	@scripts/install.sh build bench
	$(call build,release,all)
	@scripts/bench.sh $(BENCH)

lint: ## check the formatting and run clang-tidy
	@scripts/install.sh build lint
	@[ -f build/release/build.ninja ] || cmake --preset release
	@scripts/lint.sh format-check
	@scripts/lint.sh tidy

format: ## format the sources in place
	@scripts/install.sh build lint
	@scripts/lint.sh format

clean: ## remove what was built; .venv/ and demo/ stay
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
