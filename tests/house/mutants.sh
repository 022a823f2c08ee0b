#!/usr/bin/env bash
# Each mutant still finds the line that it changes; `make mutants` then tries them.
exec bash "$(dirname "$0")/../mutants.sh" --apply
