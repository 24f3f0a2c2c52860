"""Everything that makes the embedded base `builtin:tiny`: its text, tokenizer, weights and general suite."""
