"""Many recipes, one question: trials over settings by Optuna, halved at rungs, and the best one judged once."""
