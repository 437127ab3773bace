"""What the hot paths cost in instructions: the same on every x86-64 machine, whatever its load."""
