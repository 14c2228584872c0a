"use strict";
// Everything shown comes from the JSON block and enters the page through textContent, never as markup:
// page text and model words are not trusted.
const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}
const el = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function format(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "share") return `${(100 * value).toFixed(Math.abs(value) < 0.0995 && value !== 0 ? 2 : 1)} %`;
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(1)} k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replaceAll("-", "−");
  return String(Number(value.toPrecision(size >= 1000 ? 5 : 3))).replace("-", "−");
}

(function theme() {
  const button = byId("theme"), order = ["auto", "light", "dark"];
  let at = "auto";
  try { at = localStorage.getItem("vlgym-theme") || "auto"; } catch { /* storage may be closed for file:// */ }
  const show = () => {
    if (at === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = at;
    button.replaceChildren(el("span", { class: "wide" }, "Theme: "), at);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    at = order[(order.indexOf(at) + 1) % order.length];
    try { localStorage.setItem("vlgym-theme", at); } catch { /* the choice then lasts for this page only */ }
    show();
  });
  show();
})();

// ---------------------------------------------------------------- curves

const STEPS = DATA.steps;
const AXIS = DATA.axis || "step";
let smoothing = 0;
let cursor = null;  // index into STEPS shown in every chart
const charts = [];

/** Exponential moving average, corrected for its start; gaps stay gaps. */
function smooth(values, weight) {
  if (!weight) return values;
  let mean = 0, mass = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = weight * mean + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return mean / mass;
  });
}

/** Text of a tick: as many decimals as tell neighbours apart. */
function tickText(value, step, unit) {
  const scale = unit === "share" ? 100 : 1;
  if (step * scale < 1e-4 || Math.abs(value) >= 1e4) return format(value, unit);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step * scale) - 1e-9));
  const exact = decimals && Math.abs(step * scale * 10 ** decimals - Math.round(step * scale * 10 ** decimals)) > 1e-6 ? decimals + 1 : decimals;
  return (value * scale).toFixed(exact).replace("-", "−") + (unit === "share" ? " %" : "");
}
function tickStep(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
}
function ticks(low, high, step) {
  const out = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + step * 1e-6; value += step) out.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return out;
}

function bounds(spec) {
  const values = spec.series.flatMap((series) => [...series.y, ...(series.low || []), ...(series.high || [])]).concat(spec.points.flatMap((p) => [p.low, p.high, p.y])).filter((v) => v !== null && v !== undefined);
  let low = Math.min(...values), high = Math.max(...values);
  if (low > 0 && low < 0.6 * high) low = 0;
  if (spec.unit === "share" && high > 0.6) high = Math.max(1, high);
  if (low === high) { const pad = Math.abs(low) * 0.1 || 1; low -= low === 0 ? 0 : pad; high += pad; }
  const step = tickStep(low, high, 3);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step, step];
}

class Chart {
  constructor(spec) {
    this.spec = spec;
    this.now = el("span", { class: "now" });
    this.plot = svg("svg", { tabindex: "0", role: "img" });
    // One line: its value stands beside the title. Several: each value stands in the legend.
    this.values = spec.series.length > 1 ? spec.series.map(() => el("b", {})) : [this.now];
    const entry = (mark, name, value) => el("span", {}, el("i", { class: mark }), name, " ", value);
    const entries = spec.series.map((s, i) => entry(`s${i}`, s.label, spec.series.length > 1 ? this.values[i] : null));
    if (spec.points.length) entries.push(entry("s1", "held-out evaluation", null));
    this.card = el("div", { class: "chart panel" },
      el("header", {}, el("h3", {}, spec.title), this.now),
      spec.help ? el("p", { class: "help" }, spec.help) : null,
      entries.length > 1 ? el("p", { class: "legend" }, entries) : null,
      this.plot);
    this.plot.addEventListener("pointermove", (event) => moveCursor(this.indexAt(event)));
    this.plot.addEventListener("pointerdown", (event) => moveCursor(this.indexAt(event)));
    this.plot.addEventListener("pointerleave", () => { if (document.activeElement !== this.plot) moveCursor(null); });
    this.plot.addEventListener("blur", () => moveCursor(null));
    this.plot.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity }[event.key];
      if (move === undefined) return;
      event.preventDefault();
      moveCursor(Math.max(0, Math.min(STEPS.length - 1, (cursor ?? STEPS.length) + move)));
    });
  }

  indexAt(event) {
    const step = this.toStep(event.clientX - this.plot.getBoundingClientRect().left);
    let best = 0;
    STEPS.forEach((value, i) => { if (Math.abs(value - step) < Math.abs(STEPS[best] - step)) best = i; });
    return best;
  }

  draw() {
    const { spec } = this, width = this.plot.clientWidth || 280, height = 150, left = 46, right = 8, top = 8, bottom = 22;
    const [low, high, yStep] = bounds(spec);
    const xs = STEPS.concat(spec.points.map((p) => p.x)), x0 = Math.min(...xs), x1 = Math.max(...xs, x0 + 1);
    const X = (step) => left + ((step - x0) / (x1 - x0)) * (width - left - right);
    const Y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
    this.toStep = (px) => x0 + ((px - left) / (width - left - right)) * (x1 - x0);
    this.X = X; this.Y = Y;
    const parts = [];
    for (const value of ticks(low, high, yStep)) {
      parts.push(svg("line", { class: "grid-line", x1: left, x2: width - right, y1: Y(value), y2: Y(value) }));
      parts.push(svg("text", { x: left - 5, y: Y(value) + 3.5, "text-anchor": "end" }, tickText(value, yStep, spec.unit)));
    }
    for (const step of ticks(x0, x1, tickStep(x0, x1, Math.max(2, Math.min(6, width / 55)))).filter(Number.isInteger)) {
      parts.push(svg("text", { x: X(step), y: height - 6, "text-anchor": X(step) > width - 20 ? "end" : "middle" }, String(step)));
    }
    this.smoothed = spec.series.map((series) => smooth(series.y, spec.smooth ? smoothing : 0));
    spec.series.forEach((series, i) => {
      if (series.low) parts.push(svg("path", { class: `band s${i}`, d: this.band(series.low, series.high) }));
      if (smoothing && spec.smooth) parts.push(svg("path", { class: `raw s${i}`, d: this.path(series.y) }));
      parts.push(svg("path", { class: `s${i}`, d: this.path(this.smoothed[i]) }));
      this.smoothed[i].forEach((value, k, all) => {
        if (value !== null && (all[k - 1] ?? null) === null && (all[k + 1] ?? null) === null) parts.push(svg("circle", { class: `dot s${i}`, cx: X(STEPS[k]), cy: Y(value), r: 2.5 }));
      });
    });
    for (const p of spec.points) {
      if (p.low !== null) parts.push(svg("line", { class: "s1", "stroke-width": 1.5, x1: X(p.x), x2: X(p.x), y1: Y(p.low), y2: Y(p.high) }));
      parts.push(svg("circle", { class: "dot s1", cx: X(p.x), cy: Y(p.y), r: 3.5 }));
    }
    this.marker = svg("g", {});
    this.plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.plot.replaceChildren(...parts, this.marker);
    this.plot.setAttribute("aria-label", this.describe());
    this.point();
  }

  path(values) {
    let pen = "M";
    return values.map((value, i) => {
      if (value === null) { pen = "M"; return ""; }
      const piece = `${pen}${this.X(STEPS[i]).toFixed(1)} ${this.Y(value).toFixed(1)}`;
      pen = "L";
      return piece;
    }).join("");
  }

  /** The area between two lines, where both are known. */
  band(low, high) {
    const known = STEPS.map((_, i) => i).filter((i) => low[i] !== null && high[i] !== null);
    const at = (values) => (i) => `${this.X(STEPS[i]).toFixed(1)} ${this.Y(values[i]).toFixed(1)}`;
    return known.length ? `M${known.map(at(high)).join("L")}L${known.reverse().map(at(low)).join("L")}Z` : "";
  }

  describe() {
    return `${this.spec.title}. ` + this.spec.series.map((series) => {
      const seen = series.y.filter((v) => v !== null);
      return `${series.label}: ${format(seen[0], this.spec.unit)} at first, ${format(seen[seen.length - 1], this.spec.unit)} at the end`;
    }).join("; ") + ". Arrow keys read single steps.";
  }

  /** Show the cursor's step, or the last values where there is no cursor. */
  point() {
    const last = (values) => values.reduce((found, value, i) => (value === null ? found : i), 0);
    const read = this.smoothed.map((values) => values[cursor ?? last(values)]);
    this.now.textContent = cursor === null ? "" : `${AXIS} ${STEPS[cursor]}`;
    read.forEach((value, i) => {
      const text = format(value, this.spec.unit);
      this.values[i].textContent = this.values[i] === this.now && cursor !== null ? `${AXIS} ${STEPS[cursor]}: ${text}` : text;
    });
    if (cursor === null) { this.marker.replaceChildren(); return; }
    const x = this.X(STEPS[cursor]);
    this.marker.replaceChildren(
      svg("line", { class: "cursor", x1: x, x2: x, y1: 8, y2: 128 }),
      ...read.map((value, i) => (value === null ? null : svg("circle", { class: `dot s${i}`, cx: x, cy: this.Y(value), r: 3 }))).filter(Boolean),
    );
  }
}

function moveCursor(index) {
  cursor = index;
  for (const chart of charts) chart.point();
}

(function curves() {
  const home = byId("charts"), slider = byId("smoothing");
  if (!DATA.curves.length) { slider.parentElement.hidden = true; return; }
  for (const { group, charts: specs } of DATA.curves) {
    const grid = el("div", { class: "grid" });
    for (const spec of specs) { const chart = new Chart(spec); charts.push(chart); grid.append(chart.card); }
    home.append(el("p", { class: "group" }, group), grid);
  }
  const redraw = () => charts.forEach((chart) => chart.draw());
  const set = () => { smoothing = Number(slider.value); byId("smoothing-value").textContent = smoothing ? smoothing.toFixed(2) : "off"; redraw(); };
  slider.value = DATA.smoothing ?? (STEPS.length >= 30 ? "0.8" : "0");
  slider.addEventListener("input", set);
  set();
  let width = home.clientWidth;
  new ResizeObserver(() => { if (home.clientWidth !== width) { width = home.clientWidth; redraw(); } }).observe(home);
})();
