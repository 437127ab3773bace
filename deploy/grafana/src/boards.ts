// The dashboards: a panel is a line here. There is none of learning: nothing is learnt in a run yet.

import { VariableRefresh, VariableSort, type Dashboard } from "@grafana/schema";
import { grown, of, own, rate, slowest } from "./expressions.js";
import { panel, SOURCE, type Curve, type Shown, type Unit } from "./panels.js";

const shows = (title: string, unit: Unit, ...curves: Curve[]): Shown => ({ title, unit, curves });

const STAGES = ["feed", "decode", "queue", "engine", "decide", "react", "sign", "keep", "send", "answer"];
const WON = of("trades_closed_total", 'outcome="won"');

const trading: Shown[] = [
  shows("Equity", "currencyUSD", [of("equity_usd"), "equity"], [of("peak_usd"), "peak"]),
  shows("Price", "none", [of("mark_price"), "{{instrument}}"]),
  shows("Position", "none", [of("position_units"), "{{instrument}}"]),
  shows(
    "Gains and costs since the start",
    "currencyUSD",
    [of("realised_pnl_usd"), "realised"],
    [of("unrealised_pnl_usd"), "unrealised {{instrument}}"],
    [of("fees_usd"), "fees"],
    [of("slippage_usd"), "slippage"],
    [of("funding_usd"), "funding"],
  ),
  shows("Orders a second", "ops", [rate("orders_submitted_total", "purpose"), "{{purpose}}"]),
  shows("Fills a second", "ops", [rate("fills_total", "liquidity"), "{{liquidity}}"]),
  shows("Refused by rule", "none", [`${grown("orders_refused_total", "rule")} > 0`, "{{rule}}"]),
  shows("Rejected by reason", "none", [`${grown("orders_rejected_total", "reason")} > 0`, "{{reason}}"]),
  shows("Round trips that gained", "percentunit", [
    `sum(increase(${WON}[24h])) / (sum(increase(${of("trades_closed_total")}[24h])) > 0)`,
    "of a day",
  ]),
  shows("Orders open", "none", [of("orders_open"), "open"], [of("orders_unknown"), "fate unknown"]),
];

const risk: Shown[] = [
  shows(
    "Drawdown and its line",
    "percentunit",
    [of("drawdown_ratio"), "drawdown"],
    [of("switch_limit_ratio", 'switch="drawdown"'), "line"],
  ),
  shows("Way left to each switch", "percentunit", [of("switch_distance_ratio"), "{{switch}}"]),
  shows("Tripped", "none", [of("switch_tripped"), "{{switch}}"], [of("killed"), "killed"]),
  shows(
    "Exposure",
    "currencyUSD",
    [of("gross_exposure_usd"), "gross"],
    [of("net_exposure_usd"), "net"],
    [of("value_at_risk_usd"), "value at risk, 95 %"],
  ),
  shows("Leverage", "none", [of("leverage_ratio"), "leverage"]),
  shows("Equity over maintenance margin", "none", [of("margin_ratio"), "margin ratio"]),
  shows("Loss budget left", "percentunit", [of("loss_budget_left_ratio"), "left"]),
  shows("Seconds without a confirmed stop", "s", [of("position_unprotected_seconds"), "{{instrument}}"]),
  shows("Concentration", "percentunit", [of("concentration_ratio"), "{{instrument}}"]),
  shows(
    "Sentinel",
    "s",
    [of("sentinel_heard_age_seconds"), "heard"],
    [of("sentinel_latched"), "latched"],
  ),
  shows("Drilled", "s", [of("drill_age_seconds"), "ago"]),
  shows("Mode", "none", [`${of("instrument_mode")} > 0`, "{{instrument}} {{mode}}"]),
];

const system: Shown[] = [
  shows("Stages, the slowest hundredth", "s", ...STAGES.map((it): Curve => [slowest(it), it])),
  shows("Stages, the middle", "s", ...STAGES.map((it): Curve => [slowest(it, 0.5), it])),
  shows("Events a second", "ops", [`${rate("events_total", "kind")} > 0`, "{{kind}}"]),
  shows("Feeds, seconds since heard", "s", [of("feed_age_seconds"), "{{instrument}} {{stream}}"]),
  shows("Queue", "none", [of("queue_depth"), "waits"], [of("queue_capacity"), "room"]),
  shows("The market, behind by", "s", [of("market_behind_seconds"), "always more to read"]),
  shows("Journal", "none", [of("journal_lag_records"), "records wait"], [of("journal_failing"), "fails"]),
  shows("Journal, behind by", "s", [of("journal_lag_seconds"), "the oldest that waits"]),
  shows("Connections made", "none", [of("connections_total"), "{{connection}}"]),
  shows(
    "Requests to the venue",
    "none",
    [of("rate_weight_left"), "left of the minute"],
    [of("rate_weight_limit"), "a minute"],
  ),
  shows("Clocks apart", "s", [of("clock_skew_seconds"), "ours and the venue's"]),
  shows("Strategy", "none", [`${of("strategy_state")} > 0`, "{{strategy}} {{state}}"]),
  shows("Memory", "bytes", [own("resident_memory_bytes"), "resident"]),
  shows("Processor", "percentunit", [`rate(${own("cpu_seconds_total")}[1m])`, "of one core"]),
  shows("Disk free", "bytes", [of("disk_free_bytes"), "free"]),
];

const BOARDS = { trading, risk, system };

/** The names of the dashboards. */
export const NAMES = Object.keys(BOARDS) as (keyof typeof BOARDS)[];

/** A whole dashboard. */
export const board = (name: keyof typeof BOARDS) =>
  ({
    uid: `flyball-${name}`,
    title: `Flyball: ${name}`,
    tags: ["flyball"],
    timezone: "utc",
    schemaVersion: 39,
    editable: false,
    refresh: "5s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        {
          name: "run",
          label: "Run",
          type: "query",
          datasource: SOURCE,
          query: { query: "label_values(flyball_engine_up, instance)", refId: "A" },
          refresh: VariableRefresh.onTimeRangeChanged,
          sort: VariableSort.alphabeticalAsc,
        },
      ],
    },
    panels: BOARDS[name].map(panel),
  }) satisfies Dashboard;
