# Thin targets: each is one command of a script or a package. `make` alone lists them.
# `make run` and `make test` do all set-up by themselves.

PY     := .venv/bin/python
CONFIG ?= tiny
IMAGES ?= 50
# Extra arguments for the program or for pytest: make test ARGS="-k dma -x"
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup run test explore mutants lint bench bench-networks networks evaluate scaling selftest-figures resources timing bitstream registers docs clean distclean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## create .venv with everything that is needed (quick when nothing changed)
	@scripts/setup.sh

run: setup ## run the digits network on the simulated board, check and measure every layer (CONFIG=tiny, IMAGES=50)
	@mkdir -p build
	@.venv/bin/phantom run digits --config $(CONFIG) --images $(IMAGES) --json build/run.json --plot build/run.png $(ARGS)
	@echo "measurements: build/run.json   picture: build/run.png"

test: setup ## run all tests
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

explore: setup ## run end-to-end and hardware tests on new random layers (EXAMPLES=300 a test, CONFIG=tiny)
	@EXAMPLES=$(or $(EXAMPLES),300) CONFIG=$(or $(CONFIG),tiny) $(PY) -m pytest --timeout 36000 tests/test_end_to_end.py tests/test_graphs.py tests/hls $(ARGS)

mutants: setup ## break the hardware in many places, one at a time, and see the tests fail (long)
	@$(PY) scripts/mutants.py $(ARGS)

lint: setup ## static checks of RTL and Python
	@PYTHON=$(PY) scripts/lint.sh

bench: setup ## measure the workloads: cycles, utilisation, bandwidth
	@.venv/bin/phantom bench --config pynq_z2 --json build/bench.json $(ARGS)

networks: setup ## build AlexNet, VGG16, MobileNet v1 and v2, ResNet-18: pruned, quantised, in build/networks
	@$(PY) scripts/make_networks.py $(ARGS)

bench-networks: setup networks ## run AlexNet, VGG16, the MobileNets and ResNet-18 through the RTL (hours; goes on where it stopped)
	@.venv/bin/phantom bench-networks --config pynq_z2 --json build/bench-networks.json $(ARGS)

evaluate: setup scaling ## compare with dense machines, SCNN, SparTen, Eyeriss v2 and the paper's core: VGG16, MobileNet (minutes)
	@mkdir -p build
	@.venv/bin/phantom evaluate --json build/evaluate.json --plots build/evaluate --docs docs/evaluation.md $(ARGS)
	@echo "figures: build/evaluate.json   pictures: build/evaluate   tables: docs/evaluation.md"

# One convolution of each size; without --layers and --multipliers it is all of them, to 2,048 multipliers.
scaling: setup ## utilisation of the design from 32 to 1,024 multipliers, four layers of VGG16 (part of evaluate)
	@mkdir -p build
	@.venv/bin/phantom scaling --layers conv1_2 conv3_2 conv4_2 conv5_1 --multipliers 32 64 128 256 512 1024 \
	  --json build/scaling.json --plots build/scaling --docs docs/evaluation.md
	@echo "figures: build/scaling.json   picture: build/scaling   tables: docs/evaluation.md"

selftest-figures: setup ## the cycles that `phantom selftest` compares with on a board, from the cycle model (after any change of cycles)
	@$(PY) -m phantom_sim.selftest_figures

resources: setup ## synthesise for the xc7z020 and check against what it has
	@$(PY) overlay/resources.py $(ARGS)

timing: setup ## estimate the longest paths of every block on the xc7z020; minutes (ARGS="--block tds lam" for some, --no-place for less)
	@$(PY) overlay/timing.py $(ARGS)

bitstream: setup ## build phantom.bit and phantom.hwh for a board (CONFIG=pynq_z2; FLOW=vivado, or open)
	@$(PY) overlay/bitstream.py --config $(if $(filter command environment,$(firstword $(origin CONFIG))),$(CONFIG),pynq_z2) --flow $(or $(FLOW),vivado) $(ARGS)

registers: setup ## generate the register block, the address map and its documentation
	@$(PY) overlay/registers.py

docs: setup ## generate the documentation that follows from sources (build/gen/registers.md)
	@$(PY) overlay/registers.py

clean: ## remove everything that was built, but for .venv
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

distclean: clean ## remove .venv too
	@rm -rf .venv
