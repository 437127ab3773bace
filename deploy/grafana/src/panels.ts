// A panel of curves, as Grafana's schema has it. What the schema does not know does not compile.

import {
  LegendDisplayMode,
  SortOrder,
  TooltipDisplayMode,
  type DataQuery,
  type DataSourceRef,
  type GraphFieldConfig,
  type OptionsWithLegend,
  type OptionsWithTooltip,
  type Panel,
} from "@grafana/schema";

/** The data source that is provisioned. */
export const SOURCE = { type: "prometheus", uid: "prometheus" } satisfies DataSourceRef;

/** Units as Grafana calls them. */
export type Unit = "none" | "s" | "bytes" | "ops" | "percentunit" | "currencyUSD";

/** A curve: an expression, and what its legend says. */
export type Curve = readonly [expression: string, legend: string];

/** What a panel is about. */
export interface Shown {
  title: string;
  unit: Unit;
  curves: readonly Curve[];
}

/** A query as Prometheus' data source takes it. */
interface PrometheusQuery extends DataQuery {
  datasource: DataSourceRef;
  expr: string;
  legendFormat: string;
}

// An interface is no record of anything; what it is written out as is.
type Written<T> = { [K in keyof T]: T[K] };
type CurvesPanel = Panel<Record<string, unknown>, Written<GraphFieldConfig>> & {
  targets: PrometheusQuery[];
  options: Written<OptionsWithLegend & OptionsWithTooltip>;
};

const LINES = { lineWidth: 1, fillOpacity: 5 } satisfies GraphFieldConfig;
const WIDTH = 8;
const HEIGHT = 7;
const A_ROW = 3;

/** One panel, three in a row. */
export const panel = (shown: Shown, at: number): CurvesPanel => ({
  id: at + 1,
  type: "timeseries",
  title: shown.title,
  datasource: SOURCE,
  gridPos: { x: (at % A_ROW) * WIDTH, y: Math.floor(at / A_ROW) * HEIGHT, w: WIDTH, h: HEIGHT },
  fieldConfig: {
    defaults: { unit: shown.unit, custom: LINES },
    overrides: [],
  },
  options: {
    legend: { calcs: [], displayMode: LegendDisplayMode.List, placement: "bottom", showLegend: true },
    tooltip: { mode: TooltipDisplayMode.Multi, sort: SortOrder.Descending },
  },
  targets: shown.curves.map(([expr, legendFormat], number) => ({
    refId: String.fromCharCode("A".charCodeAt(0) + number),
    datasource: SOURCE,
    expr,
    legendFormat,
  })),
});
