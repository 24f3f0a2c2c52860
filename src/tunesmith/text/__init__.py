"""What several stages need to know about text: normal forms, units, n-grams, language."""
