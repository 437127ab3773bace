"""What each peer does for its part of a case, run in an environment of its own."""
