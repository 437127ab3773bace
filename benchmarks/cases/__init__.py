"""The cases: what is done, by whom, and what is told of it."""
