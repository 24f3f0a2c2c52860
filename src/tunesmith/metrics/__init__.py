"""Score one answer or many."""
