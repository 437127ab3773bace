"""Strategies that come with Flyball: one a file, short enough to be read and changed."""
