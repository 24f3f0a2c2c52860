"""From what was said of served answers to a FeedbackSet that `prepare` reads. No torch here."""
