# `make help` lists the targets. Each installs what it lacks first (scripts/install.sh), and is
# quick when nothing is missing.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
# What is built, one of CMakePresets.json: release is what users run, ci takes half the time to
# build.
PRESET ?= release
export JOBS PRESET

# $(call build,PRESET,TARGET). A build folder is configured once, and again when the presets change;
# ninja looks after the rest. Two makes at once take turns.
define build
	@mkdir -p build/$(1)
	@flock build/$(1) bash -c '{ [ build/$(1)/build.ninja -nt CMakePresets.json ] \
	  || cmake --preset $(1); } \
	  && cmake --build --preset $(1) --target $(2) --parallel $(JOBS)'
endef

.PHONY: all demo test torture bench lint format asan tsan fuzz package wheel clean help

all: ## build the program: build/release/retort
	@scripts/install.sh build
	$(call build,$(PRESET),retort)

demo: ## make pictures of animals, fetch a teacher, distil it, and say what that was worth
	@scripts/install.sh build demo
	$(call build,release,retort)
	@scripts/demo.sh

test: ## build and run the tests; PRESET=ci builds them in half the time
	@scripts/install.sh build test
	$(call build,$(PRESET),all)
	@ctest --preset $(PRESET) --parallel $(JOBS)

asan: ## build and run the tests with the address and undefined-behaviour sanitizers
	@scripts/install.sh build test
	$(call build,asan,all)
	@ctest --preset asan --parallel $(JOBS)

tsan: ## build and run the tests of core, data, train and teacher with the thread sanitizer
	@scripts/install.sh build test clang
	$(call build,tsan,test_core test_data test_train test_student_pass test_teacher)
	@ctest --preset tsan -R '^(core|data|train|student_pass|teacher)\.'

package: ## install into a temporary folder, and build and run docs/examples/own_program on it
	@scripts/install.sh build
	$(call build,$(PRESET),library)
	@scripts/check_package.sh $(PRESET)

torture: ## kill commands 1,000 times at random moments, compare how they end (two hours; resumes)
	@scripts/install.sh build test
	$(call build,$(PRESET),retort torture_hub)
	@python3 tests/torture/torture.py --retort build/$(PRESET)/retort \
	  --hub build/$(PRESET)/torture_hub --work build/torture --workers $(JOBS) $(TORTURE)

fuzz: ## build and run the fuzzers, 20 seconds each
	@scripts/fuzz.sh

bench: ## run all benchmarks beside plain PyTorch (two hours and more): a table and build/bench.json
	@scripts/install.sh build bench
	$(call build,release,all)
	@scripts/bench.sh $(BENCH)

lint: ## check includes, text and formatting, and run clang-tidy
	@scripts/install.sh build lint
	@[ build/$(PRESET)/build.ninja -nt CMakePresets.json ] || cmake --preset $(PRESET)
	@scripts/lint.sh includes
	@scripts/lint.sh text
	@scripts/lint.sh sizes
	@scripts/lint.sh format-check
	@scripts/lint.sh tidy

format: ## format the sources in place
	@scripts/install.sh build lint
	@scripts/lint.sh format

wheel: ## build the Python package with the system's libraries in it: build/wheel/
	@scripts/install.sh build wheel
	$(call build,$(PRESET),wheel)
	@scripts/wheel.sh $(PRESET)

clean: ## remove what was built; .venv/ and demo/ stay
	rm -rf build

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14
