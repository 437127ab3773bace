// Candles of the prices that were looked at: four looks a second, not every trade.

import type { Point } from "../live/wire";

export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
}

export class Candles {
  readonly all: Candle[] = [];

  constructor(
    readonly seconds: number,
    readonly tick: number,
    readonly instrument: number,
  ) {}

  /** Take a point; the candle that it belongs to, or null when it says no price or is too old. */
  add(point: Point): Candle | null {
    const ticks = point[4][this.instrument];
    if (ticks === null || ticks === undefined) return null;
    const time = Math.floor(point[0] / 1e3 / this.seconds) * this.seconds;
    const price = ticks * this.tick;
    const last = this.all.at(-1);
    if (last && time < last.time) return null;
    if (last && time === last.time) {
      last.high = Math.max(last.high, price);
      last.low = Math.min(last.low, price);
      last.close = price;
      return last;
    }
    // A candle opens where the last one closed: between two looks nothing is known.
    const open = last?.close ?? price;
    const next = { time, open, high: Math.max(open, price), low: Math.min(open, price), close: price };
    this.all.push(next);
    return next;
  }
}
