"""The 3C score of prepared rows: `score.judge` puts together what the other modules find."""
