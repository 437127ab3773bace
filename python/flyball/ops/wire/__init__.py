"""Crash cells over the wire: real processes, sockets and files, at local exchanges."""
