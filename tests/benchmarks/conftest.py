"""The benchmark's own code, where `make bench` finds it, and a quick contestant."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
