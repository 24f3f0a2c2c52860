"""Weights: find and load a base, attach a method, lay rows out, compute likelihoods, save."""
