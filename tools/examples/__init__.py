"""Makers of the example data under `examples/`: our own sentences, composed by rule, no outside source."""
