"""Other trainers, each in its own environment, driven over JSON lines."""
