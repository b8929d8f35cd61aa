# Two commands: `make run` and `make test`. Everything they need is installed below .tools/ and .venv/.

PYTHON ?= python3
PORT ?= 8080
export LOCALCLOUD_STATE ?= .local

venv := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help run demo load test faults bench check clean tools status doctor lab access least-privilege restart redrive repair \
	rotate-receipt-key rotate-session-key matrix pictures deploy smoke destroy what-if

# `make lab all` says the same as `make lab NAME=all`: the second goal is the lab, and no target.
ifeq (lab,$(firstword $(MAKECMDGOALS)))
lab := $(or $(if $(filter command,$(origin NAME)),$(NAME)),$(word 2,$(MAKECMDGOALS)))
.PHONY: $(wordlist 2,99,$(MAKECMDGOALS))
$(wordlist 2,99,$(MAKECMDGOALS)): lab
	@:
endif

# A verb is listed below the heading (`##@ …`) that stands before it. A group that goes on further down comes later.
##@ Work on it
help: ## Name the verbs
	@awk -F ':.*## ' '/^##@ / { group = substr($$0, 5); place[group] = ++places; groups[places] = group } \
		/^[a-z-]+:.*## / { verbs[group] = verbs[group] sprintf("  make %-20s %s\n", $$1, $$2) } \
		END { for (i = 1; i <= places; i++) if (place[groups[i]] == i) printf "%s\n%s\n", groups[i], verbs[groups[i]] }' \
		$(MAKEFILE_LIST)

##@ Run it
run: tools ## Serve the application on this machine until Ctrl-C (PORT=8080 FEDERATION=bindings)
	@$(venv)/python -m demo run --state $(LOCALCLOUD_STATE) --port $(PORT) $(federation)

demo: tools ## Place orders, print their receipts and the accesses, and end (FEDERATION=bindings)
	@$(venv)/python -m demo orders $(federation)

load: tools ## Place many orders: KEDA starts workers for them, from none and back to none (ORDERS=200)
	@$(venv)/python -m demo load $(call given,ORDERS,orders)

##@ Work on it
test: tools ## Run the tests, but for those of `make faults`
	@$(venv)/python -m pytest -n 4 --no-loadscope-reorder $(addprefix --ignore=tests/,check cluster compose faults)

# The attacks that `make faults` tries too: rights, forged tokens, false requests and frames, clients that hold connections.
attacks := tests/access $(addprefix tests/unit/frontend/test_,slow_clients.py hosts.py form.py) \
	$(addprefix localcloud/tests/test_,attacks.py federation.py planes.py blob_table.py servicebus_wire.py connections.py) \
	$(addprefix localcloud/tests/unit/test_amqp_,codec.py frames.py message.py)

faults: tools ## Break every part, attack every interface, and print what was lost (QUICK=1: a subset, in three minutes)
	@$(venv)/python -m pytest -q -n 3 --dist worksteal -o console_output_style=classic \
		$(if $(QUICK),-m quick tests/faults,tests/faults $(attacks))

bench: tools ## Measure what an order costs, beside what it could cost (QUICK=1: count tokens and connections only)
	@$(venv)/python -m bench $(if $(QUICK),--counts)

workflows := $(wildcard .github/workflows/*.yml)
compose := docker-compose.yml localcloud/tests/conformance/emulators.compose.yaml

check: ## Check format, lint, types, imports, infrastructure, manifests, images, workflows and the API (needs bicep)
	@$(PYTHON) tools/bootstrap.py check
	@$(venv)/ruff format --check .
	@$(venv)/ruff check .
	@$(venv)/mypy
	@$(venv)/lint-imports
	@$(venv)/check-jsonschema --builtin-schema vendor.github-workflows $(workflows)
	@$(venv)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(venv)/check-jsonschema --builtin-schema vendor.compose-spec $(compose)
	@PATH="$(CURDIR)/$(venv):$$PATH" actionlint -color=false $(workflows)
	@$(venv)/shellcheck .ci/run .ci/docker
	@$(venv)/zizmor --offline --persona auditor --no-progress --quiet .github
	@$(venv)/yamllint --strict .github $(compose)
	@$(venv)/hadolint --failure-threshold style --disable-ignore-pragma $(wildcard */Dockerfile)
	@PATH="$(CURDIR)/.tools/bin:$$PATH" $(venv)/python -m pytest -n 2 --no-loadscope-reorder tests/check tests/cluster

##@ Look at it, and learn
status: tools ## List the pods; for each that is not ready, say why
	@$(venv)/localcloud status --state $(LOCALCLOUD_STATE)

doctor: tools ## Examine each workload's way to Azure, link by link, and name the broken one (ON=azure)
	@$(venv)/localcloud doctor $(if $(filter azure,$(ON)),--on-azure --access infra/access.yaml \
		--name $(or $(if $(filter command,$(origin NAME)),$(NAME)),keyless),--state $(LOCALCLOUD_STATE))

lab: tools ## List the labs, or run one: break a link, guess, see, mend (NAME=label-missing, NAME=all)
	@$(venv)/python -m demo.lab $(lab) --state $(LOCALCLOUD_STATE) $(if $(JUNIT),--junit $(JUNIT))

access: tools ## Print the accesses so far, allowed or denied, or where one token went (UTI=…)
	@$(venv)/localcloud access --state $(LOCALCLOUD_STATE) $(if $(UTI),--uti=$(UTI))

least-privilege: tools ## What each workload is granted and never uses, once all have done all that they do
	@$(venv)/python -m tests.access

##@ Operate it
restart: tools ## Restart a deployment, failing no request (DEPLOYMENT=frontend)
	@$(venv)/localcloud restart --state $(LOCALCLOUD_STATE) $(or $(DEPLOYMENT),frontend)

redrive: tools ## Send dead letters back to the queue
	@$(venv)/localcloud job --state $(LOCALCLOUD_STATE) redrive

repair: tools ## Make lost receipts again from their orders' documents
	@$(venv)/localcloud job --state $(LOCALCLOUD_STATE) repair

rotate-receipt-key rotate-session-key: tools
	@$(if $(filter azure,$(ON)),$(infra) $@ $(name),$(venv)/python -m demo $@ --state $(LOCALCLOUD_STATE))

rotate-receipt-key: ## Sign receipts with a new key; old receipts still verify (ON=azure)
rotate-session-key: ## Sign sessions with a new key; customers stay logged in (ON=azure)

# Azure. Settings count on make's command line only, since many environments have NAME and HOSTNAME already.
given = $(if $(filter command,$(origin $1)),--$2 '$($1)')
name = $(call given,NAME,name)
federation = $(call given,FEDERATION,federation)
options = $(name) $(call given,LOCATION,location) $(call given,PROFILE,profile) $(call given,IAC,iac) \
	$(call given,HOSTNAME,hostname) $(call given,ISSUERS,issuers) $(call given,IDENTITY_KIND,identity-kind) $(federation) \
	$(call given,ADDRESSES,addresses) $(call given,NODE_SIZE,node-size) $(call given,NODE_COUNT,node-count) \
	$(call given,CERTIFICATE,certificate)
infra := $(venv)/python -m infra.deploy

##@ On Azure
deploy: tools ## Deploy to Azure (LOCATION=… PROFILE=learn|production IAC=bicep|terraform NAME=… HOSTNAME=… FEDERATION=…)
	@$(infra) up $(options)

what-if: tools ## Print what deploy would change on Azure
	@$(infra) what-if $(options)

smoke: tools ## Run the end-to-end tests in the deployed cluster (NAME=…)
	@$(infra) smoke $(name)

destroy: tools ## Delete the deployment from Azure (NAME=…)
	@$(infra) destroy $(name)

##@ Work on it
matrix: tools ## Write the access model's tables into docs/access.md
	@$(venv)/python -m infra.matrix --write

pictures: tools ## Make the README's pictures again (needs Chromium)
	@$(venv)/python -m docs.images

clean: ## Remove everything that make has put here
	@rm -rf .venv .tools .local .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

tools:
	@$(PYTHON) tools/bootstrap.py
