"""The dashboard: a page on loopback that shows one run while it goes on, and can kill it."""
