"""Cellar and roof of the house: `core` to `organisation` carry everything, `main`, `worker`, `cli` start everything."""
