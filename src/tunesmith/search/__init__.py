"""Many recipes from one: trials through `lifecycle`, and the recipe that did best."""
