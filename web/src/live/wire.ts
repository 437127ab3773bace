// What the server sends: see python/flyball/ops/dashboard/hub.py and picture.py.

export interface Traded {
  symbol: string;
  tick_size: number;
  lot_size: number;
}

export interface About {
  venue: string;
  network: string;
  simulated: boolean;
  account: string;
  strategies: string[];
  instruments: Traded[];
  profile: string;
  limits: Record<string, string>;
  clock: [number, number, number];
  started_ns: number;
  journal: string;
  folder: string;
}

export interface RunState {
  state: "answers" | "silent" | "died" | "ended" | "error";
  answered_ms?: number;
  silent_s?: number;
  reason?: string;
}

export interface Held {
  symbol: string;
  best: [number, number] | null;
  mark: number | null;
  position: number;
  entry: number | null;
  unrealised: string;
  stop: number | null;
  mode: string;
  closing: string | null;
  unprotected_since_ns: number | null;
  orders: number;
  unknown_orders: number;
  locked: boolean;
  dust: boolean;
}

export interface StrategyState {
  name: string;
  attention: string;
  reason: string | null;
  asked: number;
  overruns: number;
  dropped: number;
}

export interface Switch {
  name: string;
  limit: number | null;
  never: boolean;
  value: number | null;
  used: number | null;
  source: string;
  tripped_ns: number | null;
}

export interface Killed {
  scope: string;
  trigger: string;
  why: string;
}

export interface Gate {
  attempted: number;
  submitted: number;
  refused: Record<string, number>;
  rejected: Record<string, number>;
}

export interface Latency {
  name: string;
  count: number;
  mean: number;
  p50: number | null;
  p99: number | null;
}

export interface SentinelSaid {
  pid: number | null;
  latched: boolean;
  reason: string | null;
  age_ms?: number | null;
  equity?: string;
  wish?: string;
}

export interface Status {
  time_ns: number;
  equity: string;
  cash: string;
  peak: string;
  drawdown: number | null;
  daily_loss: number | null;
  flat: boolean;
  flattening: boolean;
  account_known: boolean;
  killed: boolean;
  kills: { killed: Killed[]; not_kept: boolean; alarm: string | null };
  latched: string[];
  sentinel_latched: boolean;
  instruments: Held[];
  strategies: StrategyState[];
  switches: Switch[];
  gate: Gate | null;
  latencies: Latency[];
  feed: {
    age_ms: number | null;
    delay_ms: number | null;
    reconnects: number;
    messages: number;
    malformed: number;
  };
  journal: { failing: boolean; waiting: number };
  weight_left: number;
  open_actions: number;
  lost_actions: number;
  sentinel: {
    asked: SentinelSaid | null;
    heard: { expected: boolean; heard_ms: number | null } | null;
  };
}

// Milliseconds, equity, peak, start of the day, prices in ticks.
export type Point = [number, number | null, number | null, number | null, (number | null)[]];

export interface Fill {
  time_ms: number;
  symbol: string;
  side: "buy" | "sell";
  price: number;
  size: number;
  fee: number;
  pnl: number;
  what: string;
  taker: boolean;
  liquidation: boolean;
}

export interface Notice {
  time_ms: number;
  kind: string;
  text: string;
  alarm: boolean;
}

// Price, size, orders.
export type Level = [number, number, number];

export interface Book {
  time_ms: number;
  bids: Level[];
  asks: Level[];
}

export interface Venue {
  connected: boolean;
  reason: string;
}

export interface Refused {
  rules: Record<string, number>;
  missed: boolean;
}

export interface Component {
  name: string;
  state: "ok" | "degraded" | "failed" | "off";
  reason: string;
  advice: string;
}

export interface Health {
  state: string;
  components: Component[];
}

export interface Alert {
  name: string;
  severity: string;
  text: string;
  since_ns?: number | null;
  acknowledged?: boolean;
}

export interface Alerts {
  firing: Alert[];
  history?: Alert[];
}

export interface Predictions {
  probabilities: Record<string, number | null>;
  share: string;
  incidents: { number: number; count: number; alarms: { metric: string }[] }[];
  score: {
    predictions: number;
    brier: number | null;
    ece: number | null;
    lead_s?: number | null;
    false_per_day?: number | null;
  } | null;
}

export interface Learning {
  influence: number | null;
  models: { name: string; influence: number | null; state: string }[];
}

export interface Drill {
  age_s: number | null;
  passed: boolean;
  counts: boolean;
  note: string;
  drills: Record<string, boolean>;
}

export interface Message {
  n: number;
  ages: Record<string, number>;
  topics: Record<string, unknown>;
  logs: Record<string, { anew: boolean; rows: unknown[] }>;
}
