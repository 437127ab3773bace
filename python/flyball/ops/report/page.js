// A cursor over all charts of the same time: what was there, and when. The page is whole without.
(() => {
  "use strict";
  const source = document.getElementById("values");
  if (!source) return;
  const runs = JSON.parse(source.textContent);
  const charts = [...document.querySelectorAll("figure.chart")].map((figure) => {
    const area = figure.querySelector(".area");
    const read = figure.querySelector(".read");
    const data = area.dataset;
    return {
      figure, area, read, data,
      said: read.textContent,
      runs: figure.dataset.runs.split(" ").map(Number),
      show: figure.dataset.show.split(" "),
      cursor: null,
    };
  });

  const newest = (times, time) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle + 1; else high = middle;
    }
    return low - 1;
  };
  const written = (value, about) => {
    if (value === null || value === undefined) return "unknown";
    const text = value.toLocaleString("en-US", {
      minimumFractionDigits: about.decimals, maximumFractionDigits: about.decimals,
    });
    return text.replace("-", "\u2212") + about.unit;
  };
  const said = (chart, time) => {
    const parts = [];
    let when = null;
    for (const number of chart.runs) {
      const run = runs[number];
      const at = newest(run.time, time - run.first);
      if (at < 0) continue;
      when = run.first + run.time[at];
      const values = chart.show.map((name) => written(run.columns[name].values[at], run.columns[name]));
      parts.push((chart.runs.length > 1 ? run.label + " " : "") + values.join(", "));
    }
    if (when === null) return "";
    return new Date(when).toISOString().slice(0, 19).replace("T", " ") + " \u00b7 " + parts.join(" \u00b7 ");
  };
  const place = (chart, share, time) => {
    if (!chart.cursor) {
      chart.cursor = document.createElement("div");
      chart.cursor.className = "cursor";
      for (const number of chart.runs) {
        const dot = document.createElement("i");
        dot.className = "run" + runs[number].colour;
        chart.cursor.append(dot);
      }
      chart.area.append(chart.cursor);
    }
    chart.cursor.style.left = share * 100 + "%";
    chart.runs.forEach((number, index) => {
      const run = runs[number], dot = chart.cursor.children[index];
      const at = newest(run.time, time - run.first);
      const value = at < 0 ? null : run.columns[chart.show[0]].values[at];
      const height = value === null ? -1 : (chart.data.high - value) / (chart.data.high - chart.data.low);
      dot.style.display = height >= 0 && height <= 1 ? "" : "none";
      dot.style.top = height * 100 + "%";
    });
  };
  const move = (from, share) => {
    const first = Number(from.data.first), last = Number(from.data.last);
    const time = first + share * (last - first);
    for (const chart of charts) {
      if (chart.data.first !== from.data.first || chart.data.last !== from.data.last) continue;
      place(chart, share, time);
      chart.read.textContent = said(chart, time) || chart.said;
      chart.read.classList.add("live");
    }
  };
  const leave = () => {
    for (const chart of charts) {
      if (chart.cursor) chart.cursor.remove();
      chart.cursor = null;
      chart.read.textContent = chart.said;
      chart.read.classList.remove("live");
    }
  };

  for (const chart of charts) {
    let share = 1;
    const follow = (event) => {
      const box = chart.area.getBoundingClientRect();
      share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      move(chart, share);
    };
    chart.area.addEventListener("pointermove", follow);
    chart.area.addEventListener("pointerdown", follow);
    chart.area.addEventListener("pointerleave", leave);
    chart.area.tabIndex = 0;
    chart.area.addEventListener("focus", () => chart.read.setAttribute("aria-live", "polite"));
    chart.area.addEventListener("blur", () => { chart.read.setAttribute("aria-live", "off"); leave(); });
    chart.area.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -0.005, ArrowRight: 0.005, PageUp: -0.05, PageDown: 0.05, Home: -1, End: 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      share = Math.min(1, Math.max(0, share + steps[event.key]));
      move(chart, share);
    });
  }
})();
