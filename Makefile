# Names for what is done often. The work is in scripts/, which say what they do.

.DEFAULT_GOAL := help
.PHONY: help run test soak bench lint schema web fmt

help: ## prints this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s%s\n", $$1, $$2 }' Makefile

run: ## builds everything and runs it, with a PostgreSQL of its own
	@exec scripts/run

test: ## runs all checks and all tests; ends with the counts
	@exec scripts/test

soak: ## plays the fault suite at length: SEED=7 repeats its choices, ROUNDS=10 is how many times what `make test` plays
	@SEED="$(SEED)" ROUNDS="$(ROUNDS)" exec scripts/soak

bench: ## measures what everything costs beside what it could: QUICK=1 takes 3 minutes instead of 15
	@QUICK="$(QUICK)" exec scripts/bench

lint: ## checks formatting, code, documentation and shell scripts
	@exec scripts/lint

schema: ## writes schema.graphql from the code
	@exec scripts/write-schema

web: ## builds the web pages, if they have changed
	@exec scripts/build-web

fmt: ## formats the code
	cargo fmt
