"""Strategies, and the runs that trade them. Never imports research or operations."""
