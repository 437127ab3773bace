"""Go with a close beyond the channel of the last bars."""

from dataclasses import dataclass

from flyball.domain import Feature, Signal, View

__all__ = ["Breakout"]


@dataclass(frozen=True, kw_only=True)
class Breakout:
    """Go with a close beyond the channel of the last bars, surer the further it went.

    The channel is Donchian's: highest high and lowest low of the bars before the newest. The stop
    lies some average true ranges behind the close.
    """

    bars: str = "5m"
    channel: int = 48  # bars
    stop: float = 3.0  # average true ranges

    top = Feature("donchian_high", period="channel", offset=1)
    bottom = Feature("donchian_low", period="channel", offset=1)
    atr = Feature("atr", period=14)

    def decide(self, view: View) -> Signal | None:
        """Signal in the direction of the break; between the lines, keep what is held."""
        if view.atr == 0.0 or view.bottom <= view.close <= view.top:
            return None
        up = view.close > view.top
        beyond = view.close - view.top if up else view.bottom - view.close
        confidence = min(1.0, 0.5 + beyond / view.atr)
        away = self.stop * view.atr
        stop = view.close - away if up else view.close + away
        return Signal("long" if up else "short", confidence=confidence, stop=max(1.0, stop))
