"""Data, analytics and learning: produces artefacts, and is never imported by trading."""
