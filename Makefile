# Bare `make` prints the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
BENCH ?= $(filter-out __init__ demo_job harness flow_text many_keys slow_s3 local_spark jvm_memory many_days,$(basename $(notdir $(wildcard bench/*.py))))
FUZZ_SECONDS ?= 300
FUZZ ?= text parquet finding labels manifest answers export note
MVN := mvn --quiet --batch-mode --strict-checksums

.PHONY: help setup setup-s3 run ingest verify explain export note scenarios redteam opensearch demo test test-unit test-s3 \
    test-infra test-spark4 test-standalone faults fuzz bench dashboards reference screenshots \
    lint format lock dist dist-glue dist-emr submit-glue submit-emr submit-emr-serverless clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready jars/ready ## install the Python packages and Java artifacts, once

.venv/ready: requirements/build.lock requirements/dev.lock pyproject.toml setup.py
	@PYTHON="$(PYTHON)" MAKE="$(MAKE)" sh requirements/check_tools.sh
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation \
	    --only-binary :all: --no-binary pyspark,cpe -r requirements/dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

jars/ready: conf/jars.pom.xml
	@PYTHON="$(PYTHON)" MAKE="$(MAKE)" sh requirements/check_tools.sh
	$(MVN) -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/jars
	@touch $@

setup-s3: jars/s3/ready ## S3A for Delta tables on s3:// from a laptop, 280 MB, once

jars/s3/ready: conf/jars-s3.pom.xml
	$(MVN) -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/jars/s3
	@touch $@

run: setup ## trace the demo's suspect into Delta and a real OpenSearch [DAMAGED=1: a damaged day]
	$(BIN)/python -m demo.run $(if $(DAMAGED),--damaged)

ingest: setup ## a week into a flow table, three runs and a watch, then a case that reads it
	$(BIN)/python -m demo.ingest

verify: setup ## say what of the demo case still holds, after `make run`
	PATH="$(CURDIR)/$(BIN):$$PATH" spark-submit --properties-file conf/local.conf \
	    jobs/verify_case.py --case out/cases/demo

explain: setup ## follow a number of the report to its flow records: NUMBER=P0-8 [CASE=out/cases/demo]
	$(BIN)/python -m jobs.explain_case --case "$${CASE:-out/cases/demo}" --number="$$NUMBER"

export: setup ## a case for other tools: FORMAT=timesketch|csv|stix|ocsf|navigator [CASE= OUTPUT=]
	$(BIN)/python -m jobs.export_case --case "$${CASE:-out/cases/demo}" --format="$$FORMAT" \
	    --output "$${OUTPUT:-out/exports}"

# Never expanded: a note may quote what others wrote, and $(shell …) would run.
unexport TEXT
note: export NOTE_TEXT = $(value TEXT)
note: setup ## add a note to a case: TEXT="…" [CASE=out/cases/demo]
	$(BIN)/python -m jobs.note_case --case "$${CASE:-out/cases/demo}" --text="$$NOTE_TEXT"

scenarios: setup ## days whose truth is known: verdict expected and got, precision and recall
	$(BIN)/python -m demo.measure

redteam: setup ## hostile conversations with known truth against the verdict [SEED=1 CONVERSATIONS=10000]
	SEED=$(SEED) CONVERSATIONS=$(CONVERSATIONS) $(BIN)/python -m tests.redteam

opensearch: setup ## a real OpenSearch on loopback that stays up to be looked at (Ctrl-C ends it)
	$(BIN)/python -m demo.opensearch_node

demo: setup ## write the demo day to out/demo without tracing it
	$(BIN)/python -m demo.generate --output out/demo

test-s3: setup setup-s3 ## a case on s3:// through S3A, written twice and verified
	$(BIN)/python -m pytest tests/integration/test_delta_on_s3.py

test-infra: setup ## infra/ applied, planned, executed and destroyed against moto; needs terraform
	$(BIN)/python -m tests.infra_apply

test: setup ## all tests, two at a time, with a real OpenSearch, Delta, an HTTP S3 and executors
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-unit: setup ## the tests that need no JVM, in a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not spark" tests/unit

test-standalone: setup ## a cluster of processes that loses workers and executors on the way
	STANDALONE=1 $(BIN)/python -m pytest tests/integration/test_standalone_master.py

test-spark4: setup out/spark4/ready jars/spark4/ready ## the tests on Spark 4.1 with Delta 4.2
	JARS=jars/spark4 PYTHONPATH=out/spark4 $(BIN)/python -m pytest -m "not launched"

out/spark4/ready: requirements/spark4.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation \
	    --upgrade --target out/spark4 -r $<
	@touch $@

jars/spark4/ready: conf/jars-spark4.pom.xml
	$(MVN) -f $< dependency:copy-dependencies -DoutputDirectory=$(CURDIR)/jars/spark4
	@touch $@

faults: setup ## load a real OpenSearch through 429s, time-outs, a restart …; prints a table
	SPARK_LOCAL_IP=127.0.0.1 $(BIN)/python -m tests.faults

bench: setup out/bench-tools/ready ## measure; all of bench/, or one of it: BENCH=opensearch
	failed=0; for name in $(BENCH); do \
	    echo "bench.$$name"; SPARK_LOCAL_IP=127.0.0.1 PYTHONPATH=out/bench-tools \
	        $(BIN)/python -m bench.$$name || failed=1; \
	done; exit $$failed

out/bench-tools/ready: requirements/bench.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    --upgrade --target out/bench-tools -r $<
	@touch $@

fuzz: setup ## readers on bytes that atheris makes up, FUZZ_SECONDS=300 each [FUZZ=finding]
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    --upgrade --target out/fuzz -r requirements/fuzz.lock
	failed=0; for target in $(FUZZ); do \
	    echo "fuzz $$target"; PYTHONPATH=out/fuzz $(BIN)/python -m tests.fuzz $$target \
	        -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=out/fuzz/$$target- || failed=1; \
	done; exit $$failed

dashboards: setup ## import the panels into DASHBOARDS_URL=http://127.0.0.1:5601 [CASE=out/cases/demo]
	$(BIN)/python -m demo.dashboards_import --url "$(DASHBOARDS_URL)" $(if $(CASE),--case "$(CASE)")

reference: setup ## write the reference pages that are made from the code
	$(BIN)/python -m docs.generate

screenshots: setup ## take the pictures of the docs from the demo's report, after `make run`
	$(BIN)/python -m demo.screenshots

lint: setup ## ruff and mypy --strict, tests too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup ## let ruff rewrite the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## make every lock file again from its .in file, with hashes
	$(BIN)/python -m piptools --version >/dev/null 2>&1 || $(BIN)/pip install --quiet pip-tools
	for name in build runtime export dev spark4 bench fuzz; do \
	    $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --upgrade \
	        -o requirements/$$name.lock requirements/$$name.in; \
	done

dist: setup ## the wheel, and the same as dist/vpc_flow_trace.zip for --py-files
	rm -f dist/*.whl
	$(BIN)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	cp dist/vpc_flow_trace-*.whl dist/vpc_flow_trace.zip

# AL2023, as on EMR 7 and Glue 5, has glibc 2.34.
wheels_for = --platform manylinux2014_$(1) $(foreach n,$(shell seq 17 34),--platform manylinux_2_$(n)_$(1))

dist-glue: dist dist/packages.gluewheels.zip ## beside it: the wheels that Glue installs without a network

dist/packages.gluewheels.zip: requirements/runtime.lock requirements/glue_wheels.py
	rm -rf build/wheels && mkdir -p dist
	$(BIN)/pip download --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    $(call wheels_for,x86_64) --python-version 3.11 --implementation cp --no-deps \
	    --dest build/wheels -r requirements/runtime.lock
	$(BIN)/python requirements/glue_wheels.py build/wheels requirements/runtime.lock $@

dist-emr: dist dist/packages-x86_64.tar.gz dist/packages-aarch64.tar.gz ## beside it: packages for EMR, a bill of materials
	$(BIN)/python requirements/sbom.py requirements/runtime.lock > dist/sbom.cdx.json
	cd dist && sha256sum *.whl *.zip *.tar.gz sbom.cdx.json > SHA256SUMS

dist/packages-%.tar.gz: requirements/runtime.lock
	rm -rf build/packages-$* && mkdir -p dist
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
	    $(call wheels_for,$*) --python-version 3.11 --implementation cp --no-deps --no-compile \
	    --target build/packages-$* -r requirements/runtime.lock
	tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -czf $@ -C build/packages-$* .

submit-glue: dist-glue ## run on Glue: ARGS="--artifacts s3://… --role … --flow_logs s3://… …"
	$(BIN)/python -m jobs.submit glue $(ARGS)

submit-emr: dist-emr ## run on an EMR cluster: ARGS="--artifacts s3://… --cluster_id j-… …"
	$(BIN)/python -m jobs.submit emr $(ARGS)

submit-emr-serverless: dist-emr ## the same: ARGS="--artifacts s3://… --application_id … --role … …"
	$(BIN)/python -m jobs.submit emr-serverless $(ARGS)

clean: ## remove what runs and tests left; keeps the installed packages
	rm -rf out build dist spark-warehouse .pytest_cache .mypy_cache .ruff_cache .hypothesis
