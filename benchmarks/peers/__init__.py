"""Other tools, each in its own environment, driven over JSON lines."""
