# Every target sets up what it needs. `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
PY := $(VENV)/bin/python
INPUT ?= datasets/medical_charges/Charges.csv
CONTRACT ?= datasets/medical_charges/contract.yaml
OUT ?= out
FILE ?= datasets/medical_charges/Charges.csv
PICTURES ?= docs/images
# A word for the shell, whatever stands in it.
quoted = '$(subst ','\'',$(1))'
# Make itself would ignore a variable that is misspelled, or that another target reads, and take the shipped data.
GIVEN := INPUT CONTRACT OUT FILE PICTURES MEASURE FORCE YES JSON RUN RUN_A RUN_B DAYS OBJECT RECHECK PUBLISH_HELD DOCTOR ARGS
typed = $(filter command,$(firstword $(origin $(1))))
OTHERS := $(strip $(foreach it,$(.VARIABLES),$(if $(call typed,$(it)),$(filter-out $(GIVEN) VENV PY SHELL WORKERS,$(it)))))
# What is unlike them all is meant for the tools, or for the make that called this one.
MISSPELLED := $(if $(OTHERS),$(shell python3 -c 'import difflib, sys; print(*(f"{it} (is it {like[0]}?)" for it in sys.argv[2:] if (like := difflib.get_close_matches(it.upper(), sys.argv[1].split(), 1, 0.66))))' '$(GIVEN)' $(foreach it,$(OTHERS),$(call quoted,$(it)))))
$(if $(MISSPELLED),$(error there is no variable $(MISSPELLED)))
# swapped: a variable that none of some targets read, and the one that they do.
swapped = $(if $(call typed,$(1)),$(if $(call typed,$(2)),,$(filter $(3),$(MAKECMDGOALS))))
define refuse_swapped
$(if $(call swapped,$(1),$(2),$(3)),$(error `make $(firstword $(call swapped,$(1),$(2),$(3)))` reads $(2), not $(1): give it $(2)=$($(1))))
endef
$(call refuse_swapped,INPUT,FILE,upload verify deploy)
$(call refuse_swapped,FILE,INPUT,run check contract)
# How the whole suite is run: more workers than cores fill the waits of the others. tests/sharing.py says what stays together, and in which order.
WORKERS := --numprocesses 4 --dist loadscope --no-loadscope-reorder
# Checksums are no secrets, and the local endpoint's keys are "test".
SECRETS := --no-verify --disable-plugin HexHighEntropyString --exclude-secrets '^test$$'
SECRETS_IN := . ':!requirements/*.txt' ':!terraform/tests/fixtures' ':!*/package-lock.json' ':!*.csv' ':!*.gz' ':!*.webp'

export PYTHONPATH := $(CURDIR)/src:$(CURDIR)
# Commands start many Pythons, each of which would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

##@ First steps

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/laptop ## Make the Python environment, a JDK in it

run: $(VENV)/laptop ## Run the whole stack here: INPUT by CONTRACT, mirrored to OUT
	@$(PY) -m ops run --input $(call quoted,$(INPUT)) --contract $(call quoted,$(CONTRACT)) --out $(call quoted,$(OUT))

contract: $(VENV)/laptop ## Write a contract that INPUT fits, to CONTRACT; MEASURE=COLUMN, FORCE=1, YES=1
	@$(PY) -m ops contract --input $(call quoted,$(INPUT)) $(if $(filter-out file,$(origin CONTRACT)),--contract $(call quoted,$(CONTRACT))) $(if $(MEASURE),--measure $(call quoted,$(MEASURE))) $(if $(FORCE),--force) $(if $(YES),--yes)

check: $(VENV)/laptop ## Read INPUT by CONTRACT: show what a run would reject and suppress, in seconds
	@$(PY) -m ops check --input $(call quoted,$(INPUT)) --contract $(call quoted,$(CONTRACT))

dashboard: $(VENV)/laptop ## Write the page of what OUT holds, and open it
	@$(PY) -m ops dashboard --contract $(call quoted,$(CONTRACT)) --out $(call quoted,$(OUT))

export: $(VENV)/laptop ## Write one workbook (.xlsx) of all tables that OUT holds
	@$(PY) -m ops export --contract $(call quoted,$(CONTRACT)) --out $(call quoted,$(OUT))

compare: $(VENV)/laptop ## Show what two publications in OUT differ in, by default the two latest; RUN_A=, RUN_B=, JSON=1
	@$(PY) -m ops compare --contract $(call quoted,$(CONTRACT)) --out $(call quoted,$(OUT)) --run-a=$(call quoted,$(RUN_A)) --run-b=$(call quoted,$(RUN_B)) $(if $(JSON),--json)

local: $(VENV)/laptop ## Leave the stack running here, to poke at it with the AWS CLI
	@$(PY) -m ops local --contract $(call quoted,$(CONTRACT))

##@ In an AWS account

package: $(VENV)/laptop ## Build what AWS runs
	@$(PY) -m ops package --contract $(call quoted,$(CONTRACT))

doctor: $(VENV)/laptop ## Check this machine and the account before a deployment; JSON=1 for programs
	@$(PY) -m ops doctor --contract $(call quoted,$(CONTRACT)) $(if $(JSON),--json)

plan: $(VENV)/laptop ## Show what a deployment would change
	@$(PY) -m ops plan --contract $(call quoted,$(CONTRACT))

deploy: $(if $(filter 0,$(DOCTOR)),$(VENV)/laptop,doctor) ## Deploy to the account of the environment; FILE=... to run once for QuickSight
	@$(PY) -m ops apply --contract $(call quoted,$(CONTRACT)) $(if $(filter command,$(firstword $(origin FILE))),--file $(call quoted,$(FILE)))

verify: $(VENV)/laptop ## Make a scratch deployment, run it on FILE, check and remove it; YES=1 to agree, JSON=1
	@$(PY) -m ops verify --file $(call quoted,$(FILE)) --contract $(call quoted,$(CONTRACT)) $(if $(YES),--yes) $(if $(JSON),--json)

destroy: $(VENV)/laptop ## Remove the deployment
	@$(PY) -m ops destroy --contract $(call quoted,$(CONTRACT))

execute: $(VENV)/laptop ## Start a run by hand and follow it; RECHECK=1 reads every row again, PUBLISH_HELD=1 publishes what would be held
	@$(PY) -m ops execute --contract $(call quoted,$(CONTRACT)) $(if $(RECHECK),--recheck) $(if $(PUBLISH_HELD),--publish-held)

upload: $(VENV)/laptop ## Upload FILE and follow the run that this starts
	@$(PY) -m ops upload --file $(call quoted,$(FILE)) --contract $(call quoted,$(CONTRACT))

logs: $(VENV)/laptop ## Show what the last run did
	@$(PY) -m ops logs --contract $(call quoted,$(CONTRACT))

runs: $(VENV)/laptop ## List all runs, and which one is live
	@$(PY) -m ops runs --contract $(call quoted,$(CONTRACT))

rollback: $(VENV)/laptop ## Publish an earlier run again: RUN=... as `make runs` lists it
	@$(PY) -m ops rollback --contract $(call quoted,$(CONTRACT)) --run $(call quoted,$(RUN))

share: $(VENV)/laptop ## Print a link to the dashboard's page that anybody can open for DAYS days (7)
	@$(PY) -m ops share --contract $(call quoted,$(CONTRACT)) --days $(call quoted,$(or $(DAYS),7))

redrive: $(VENV)/laptop ## Analyze the input again after a failure, and deliver what is in the dead-letter queue
	@$(PY) -m ops redrive --contract $(call quoted,$(CONTRACT))

forget: $(VENV)/laptop ## Forget an object: remove all that holds rows of OBJECT, with its versions, and run again; YES=1 to agree
	@$(PY) -m ops forget --contract $(call quoted,$(CONTRACT)) --object $(call quoted,$(OBJECT)) $(if $(YES),--yes)

##@ Development

test: $(VENV)/dev ## Run all tests, or those of ARGS
	@tests/browser/install
	@$(PY) -m pytest $(or $(ARGS),$(WORKERS))

fuzz: $(VENV)/dev ## Analyze 2,000 corrupted copies of the real file
	@FUZZ_COPIES=$${FUZZ_COPIES:-2000} $(PY) -m pytest tests/unit/kernel/test_fuzz.py $(ARGS)

dashboard-bench: $(VENV)/dev ## Time the dashboard's page with a cube of 50,000 cells
	@tests/browser/install
	@$(PY) -m benchmarks.dashboard

screenshots: $(VENV)/dev ## Take the pictures of the dashboard from what OUT holds, into PICTURES
	@tests/browser/install
	@$(PY) -m ops.page.screenshots --contract $(call quoted,$(CONTRACT)) --out $(call quoted,$(OUT)) $(call quoted,$(PICTURES))

faults: $(VENV)/dev ## Make every fault of tests/faults/table.py, each of which must be caught
	@FAULTS=all $(PY) -m pytest tests/faults --numprocesses 2 $(ARGS)

chaos: $(VENV)/dev ## Let faults come upon runs and print what followed, with ARGS such as --seed 7 --faults 200
	@$(PY) -m tests.chaos $(ARGS)

attacks: $(VENV)/dev ## Attack what is published of the real file and of generated runs, and print what came of it
	@$(PY) -m tests.attack $(ARGS)

mutants: $(VENV)/dev ## Run the tests of every mutant of tests/mutants/table.py, or of those that ARGS name
	@$(PY) -m tests.mutants $(ARGS)

simulator: $(VENV)/dev tests/simulator/node_modules ## Compare the evaluation of policies with a simulator of IAM, which needs npm
	@$(PY) -m tests.simulator $(ARGS)

bench: $(VENV)/bench ## Measure against the peers, with ARGS such as --rows 40000000
	@$(PY) -m benchmarks $(ARGS)

lint: $(VENV)/dev ## Check style, types, directions, dead code, dependencies, words, folders, secrets and derived files
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo
	@$(VENV)/bin/vulture
	@$(VENV)/bin/deptry .
	@$(VENV)/bin/deptry src lambdas glue_jobs --optional-dependencies-dev-groups laptop,dev,bench
	@$(VENV)/bin/typos
	@$(PY) -m ops.lint.words
	@$(PY) -m ops.lint.folders
	@git ls-files -z $(SECRETS_IN) | xargs -0 -n 100 -P 2 $(VENV)/bin/detect-secrets-hook $(SECRETS)
	@if command -v terraform >/dev/null; then terraform fmt -check -recursive terraform; \
	  else echo "terraform fmt: skipped, as terraform is not on the PATH"; fi
	@$(PY) -m ops.lint.advisories requirements/bootstrap.txt requirements/dev.txt
	@$(PY) -m medical_charges.contract.schema --check datasets/schema.json
	@$(PY) -m medical_charges.report.schema --check src/medical_charges/report/report.schema.json

checkov: $(VENV)/policy/checkov ## Check Terraform's settings with checkov, which has an environment of its own
	@$(VENV)/policy/bin/checkov --directory terraform --framework terraform --compact --quiet --skip-download

sbom: $(VENV)/bom/sbom ## Write .build/sbom.json, the library's locked Python packages with their hashes, as CycloneDX
	@mkdir -p .build
	@PYTHONWARNINGS=ignore $(VENV)/bom/bin/cyclonedx-py requirements requirements/runtime.txt --pyproject pyproject.toml \
	  --mc-type application --spec-version 1.6 --output-reproducible --output-file .build/sbom.json
	@echo .build/sbom.json

site: $(VENV)/site/site $(VENV)/site/node_modules ## Build the documents as a site to read without a server, .build/site/index.html
	@mkdir -p .build && rm -rf .build/site
	@$(PY) -m ops.site .build/site.yml $(VENV)/site/node_modules
	@$(VENV)/site/bin/zensical build --strict --clean --config-file .build/site.yml
	@echo .build/site/index.html

format: $(VENV)/dev ## Format the code and write the derived files
	@$(VENV)/bin/ruff check --fix .
	@$(VENV)/bin/ruff format .
	@$(PY) -m medical_charges.contract.schema datasets/schema.json
	@$(PY) -m medical_charges.report.schema src/medical_charges/report/report.schema.json

lock: $(VENV)/dev ## Resolve the dependencies again
	@PATH="$(CURDIR)/$(VENV)/uv/bin:$$PATH" requirements/compile

clean: ## Remove the environment and what runs have made
	rm -rf $(VENV) $(call quoted,$(OUT)) .build .pytest_cache .import_linter_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/laptop $(VENV)/dev $(VENV)/bench: $(VENV)/%: requirements/%.txt requirements/bootstrap.txt requirements/install
	@requirements/install $(VENV) $<

# Tools with an environment of their own, as they are large.
.SECONDEXPANSION:
$(VENV)/policy/checkov $(VENV)/bom/sbom $(VENV)/site/site: requirements/tools/$$(@F).txt $(VENV)/dev
	@PATH="$(CURDIR)/$(VENV)/uv/bin:$$PATH" requirements/install $(@D) $<

tests/simulator/node_modules: tests/simulator/package-lock.json
	@$(call npm_ci,$(@D))
	@touch $@

$(VENV)/site/node_modules: ops/site/package-lock.json $(VENV)/site/site
	@cp ops/site/package.json ops/site/package-lock.json $(@D)
	@$(call npm_ci,$(@D))
	@touch $@

npm_ci = command -v npm >/dev/null || { echo "error: npm is not on the PATH, and it installs what $(1)/package.json names" >&2; exit 1; }; \
  cd $(1) && npm ci --no-audit --no-fund --silent

.PHONY: help setup run contract check dashboard export compare local package plan deploy verify destroy execute upload logs runs rollback share redrive forget doctor test fuzz faults chaos attacks mutants simulator bench dashboard-bench screenshots lint checkov sbom site format lock clean
