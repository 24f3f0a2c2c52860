"""Answers, likelihoods and embeddings of a model in this process, and answers of one behind an endpoint."""
