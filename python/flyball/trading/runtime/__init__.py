"""Where rooms meet: a strategy, data, a profile and the engine become a run."""
