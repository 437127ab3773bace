// Expressions of the run that is chosen, in PromQL. Every metric and every expression is checked:
// tests/observe/test_grafana.py asks promtool.

/** A metric of the run, with more labels where they are wanted. */
export const of = (name: string, labels = ""): string =>
  `flyball_${name}{${['instance="$run"', labels].filter((it) => it !== "").join(",")}}`;

/** A metric of the run's process. */
export const own = (name: string): string => `process_${name}{instance="$run"}`;

/** By how much a counter grows in a second. */
export function rate(name: string, by = "", over = "1m"): string {
  const found = `rate(${of(name)}[${over}])`;
  return by === "" ? found : `sum by (${by}) (${found})`;
}

/** By how much a counter grew while the dashboard shows. */
export const grown = (name: string, by: string, labels = ""): string =>
  `sum by (${by}) (increase(${of(name, labels)}[$__range]))`;

/** A quantile of a stage. */
export function slowest(stage: string, q = 0.99): string {
  const buckets = of("latency_seconds_bucket", `stage="${stage}"`);
  return `histogram_quantile(${q}, sum by (le) (rate(${buckets}[1m])))`;
}
