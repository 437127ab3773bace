"""Drills: what protects an account is made to act at a local exchange, and seen to have acted."""
