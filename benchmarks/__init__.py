"""Benchmarks: each prints a table and one JSON line, and fails when a figure misses the goal stored beside it."""
