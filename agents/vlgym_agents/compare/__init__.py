"""Comparing runs: `vlgym-compare` and the benchmarks that pair methods share what is here."""
