"""The general suites, `general_en` and `general_zh`: what a model should still be able to do after tuning."""
