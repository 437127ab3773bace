"""From nothing to a result, as a script does it: `python -m peers.flyball_first CATALOGUE`."""

import sys

import flyball as fb
from sma_cross import SmaCross


def main() -> None:
    data = fb.data("minutes", catalogue=sys.argv[1])
    result = fb.backtest(SmaCross(), data=data, profile="unprotected", cash=10_000_000)
    print(result.summary())


if __name__ == "__main__":
    main()
