"""Intervals, paired tests and the rule that turns them into a verdict."""
