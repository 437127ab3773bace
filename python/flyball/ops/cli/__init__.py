"""The `flyball` command."""
