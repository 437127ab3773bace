"""Writes the dashboards: `python deploy/grafana/dashboards.py`. A panel is a line here.

There is one of learning when there is something learnt in a run.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT = 8, 7
RUN = '{instance="$run"}'

Json = dict[str, Any]
# Title, unit as Grafana calls it, and expressions with their legends.
Panel = tuple[str, str, list[tuple[str, str]]]


def of(name: str, labels: str = "") -> str:
    """A metric of the run that is chosen."""
    both = ",".join(filter(None, ['instance="$run"', labels]))
    return f"flyball_{name}{{{both}}}"


def rate(name: str, by: str = "", over: str = "1m") -> str:
    """By how much a counter grows in a second."""
    found = f"rate({of(name)}[{over}])"
    return f"sum by ({by}) ({found})" if by else found


def grown(name: str, by: str, labels: str = "") -> str:
    """By how much a counter grew while the dashboard shows."""
    return f"sum by ({by}) (increase({of(name, labels)}[$__range]))"


def slowest(stage: str, q: float = 0.99) -> str:
    """A quantile of a stage."""
    buckets = of("latency_seconds_bucket", f'stage="{stage}"')
    return f"histogram_quantile({q}, sum by (le) (rate({buckets}[1m])))"


STAGES = ("feed", "decode", "queue", "engine", "decide", "react", "sign", "keep", "send", "answer")

TRADING: list[Panel] = [
    ("Equity", "currencyUSD", [(of("equity_usd"), "equity"), (of("peak_usd"), "peak")]),
    ("Price", "none", [(of("mark_price"), "{{instrument}}")]),
    ("Position", "none", [(of("position_units"), "{{instrument}}")]),
    (
        "Gains and costs since the start",
        "currencyUSD",
        [
            (of("realised_pnl_usd"), "realised"),
            (of("unrealised_pnl_usd"), "unrealised {{instrument}}"),
            (of("fees_usd"), "fees"),
            (of("slippage_usd"), "slippage"),
            (of("funding_usd"), "funding"),
        ],
    ),
    ("Orders a second", "ops", [(rate("orders_submitted_total", "purpose"), "{{purpose}}")]),
    ("Fills a second", "ops", [(rate("fills_total", "liquidity"), "{{liquidity}}")]),
    ("Refused by rule", "none", [(grown("orders_refused_total", "rule") + " > 0", "{{rule}}")]),
    (
        "Rejected by reason",
        "none",
        [(grown("orders_rejected_total", "reason") + " > 0", "{{reason}}")],
    ),
    (
        "Round trips that gained",
        "percentunit",
        [
            (
                "sum(increase("
                + of("trades_closed_total", 'outcome="won"')
                + "[24h])) / (sum(increase("
                + of("trades_closed_total")
                + "[24h])) > 0)",
                "of a day",
            )
        ],
    ),
    ("Orders open", "none", [(of("orders_open"), "open"), (of("orders_unknown"), "fate unknown")]),
]

RISK: list[Panel] = [
    (
        "Drawdown and its line",
        "percentunit",
        [
            (of("drawdown_ratio"), "drawdown"),
            (of("switch_limit_ratio", 'switch="drawdown"'), "line"),
        ],
    ),
    ("Way left to each switch", "percentunit", [(of("switch_distance_ratio"), "{{switch}}")]),
    ("Tripped", "none", [(of("switch_tripped"), "{{switch}}"), (of("killed"), "killed")]),
    (
        "Exposure",
        "currencyUSD",
        [
            (of("gross_exposure_usd"), "gross"),
            (of("net_exposure_usd"), "net"),
            (of("value_at_risk_usd"), "value at risk, 95 %"),
        ],
    ),
    ("Leverage", "none", [(of("leverage_ratio"), "leverage")]),
    ("Equity over maintenance margin", "none", [(of("margin_ratio"), "margin ratio")]),
    ("Loss budget left", "percentunit", [(of("loss_budget_left_ratio"), "left")]),
    (
        "Seconds without a confirmed stop",
        "s",
        [(of("position_unprotected_seconds"), "{{instrument}}")],
    ),
    ("Concentration", "percentunit", [(of("concentration_ratio"), "{{instrument}}")]),
    (
        "Sentinel",
        "s",
        [(of("sentinel_heard_age_seconds"), "heard"), (of("sentinel_latched"), "latched")],
    ),
    ("Drilled", "s", [(of("drill_age_seconds"), "ago")]),
    ("Mode", "none", [(of("instrument_mode") + " > 0", "{{instrument}} {{mode}}")]),
]

SYSTEM: list[Panel] = [
    ("Stages, the slowest hundredth", "s", [(slowest(stage), stage) for stage in STAGES]),
    ("Stages, the middle", "s", [(slowest(stage, 0.5), stage) for stage in STAGES]),
    ("Events a second", "ops", [(rate("events_total", "kind") + " > 0", "{{kind}}")]),
    ("Feeds, seconds since heard", "s", [(of("feed_age_seconds"), "{{instrument}} {{stream}}")]),
    ("Queue", "none", [(of("queue_depth"), "waits"), (of("queue_capacity"), "room")]),
    (
        "Journal",
        "none",
        [(of("journal_lag_records"), "records wait"), (of("journal_failing"), "fails")],
    ),
    ("Connections made", "none", [(of("connections_total"), "{{connection}}")]),
    (
        "Requests to the venue",
        "none",
        [(of("rate_weight_left"), "left of the minute"), (of("rate_weight_limit"), "a minute")],
    ),
    ("Clocks apart", "s", [(of("clock_skew_seconds"), "ours and the venue's")]),
    ("Strategy", "none", [(of("strategy_state") + " > 0", "{{strategy}} {{state}}")]),
    ("Memory", "bytes", [(f"process_resident_memory_bytes{RUN}", "resident")]),
    ("Processor", "percentunit", [(f"rate(process_cpu_seconds_total{RUN}[1m])", "of one core")]),
    ("Disk free", "bytes", [(of("disk_free_bytes"), "free")]),
]

BOARDS = {"trading": TRADING, "risk": RISK, "system": SYSTEM}


def panel(number: int, made: Panel) -> Json:
    """One panel, three in a row."""
    title, unit, expressions = made
    place = {"x": number % 3 * WIDTH, "y": number // 3 * HEIGHT, "w": WIDTH, "h": HEIGHT}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": unit, "custom": {"lineWidth": 1, "fillOpacity": 5}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(65 + at), "datasource": SOURCE, "expr": expr, "legendFormat": legend}
            for at, (expr, legend) in enumerate(expressions)
        ],
    }


def board(name: str, panels: list[Panel]) -> Json:
    """A whole dashboard."""
    return {
        "uid": f"flyball-{name}",
        "title": f"Flyball: {name}",
        "tags": ["flyball"],
        "timezone": "utc",
        "schemaVersion": 39,
        "editable": False,
        "refresh": "5s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "run",
                    "label": "Run",
                    "type": "query",
                    "datasource": SOURCE,
                    "query": {"query": "label_values(flyball_engine_up, instance)", "refId": "A"},
                    "refresh": 2,
                    "sort": 1,
                }
            ]
        },
        "panels": [panel(number, made) for number, made in enumerate(panels)],
    }


def text(name: str) -> str:
    """A dashboard as its file has it."""
    return json.dumps(board(name, BOARDS[name]), indent=1) + "\n"


if __name__ == "__main__":
    for each in BOARDS:
        (FOLDER / f"{each}.json").write_text(text(each), encoding="utf-8")
