// ---------------------------------------------------------------- episodes

(function episodes() {
  const ALL = DATA.episodes;
  if (!ALL.length) return;
  const section = byId("episodes"), list = byId("list"), article = byId("episode");
  const search = byId("search"), outcome = byId("outcome"), when = byId("when");
  const OUTCOMES = [["all", "All outcomes"], ["ok", "Success"], ["fail", "Failure"], ["invalid", "With refused actions"], ["broken", "Machinery failed"]];
  let shown = [], at = 0, turn = 0, box = null, buttons = [];

  const verdict = (e) => (e.env_error ? "broken" : e.success ? "ok" : "fail");
  const VERDICTS = { ok: "success", fail: "failure", broken: "machinery failed" };
  const moment = (e) => (e.kind === "train" ? `step ${e.step}` : e.kind);
  const refused = (t) => !t.action_valid || Boolean(t.error);

  function haystack(t) { return (t.hay ??= [t.words, t.action, t.error, t.text, t.instruction].join("\n").toLowerCase()); }
  function matchingTurn(e, query) {
    if (!query || e.instruction.toLowerCase().includes(query) || e.task.toLowerCase().includes(query)) return 0;
    return e.turns.findIndex((t) => haystack(t).includes(query));
  }
  const query = () => search.value.trim().toLowerCase();

  /** Nodes of `text` in which every occurrence of a needle is marked. */
  function marked(text, needles) {
    const found = needles.filter((needle) => needle && needle.length > 1);
    if (!found.length) return [text];
    const pattern = new RegExp(found.map((n) => n.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "gi");
    const out = [];
    let from = 0;
    for (const hit of text.matchAll(pattern)) {
      out.push(text.slice(from, hit.index), el("mark", {}, hit[0]));
      from = hit.index + hit[0].length;
    }
    return [...out, text.slice(from)];
  }

  function block(title, content, className = "") {
    return el("div", { class: `block panel ${className}` }, el("h3", {}, title), content);
  }
  function table(pairs) {
    return el("table", { class: "parts" }, el("tbody", {}, pairs.map(([name, value]) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, show(value))))));
  }
  function show(value) {
    if (value === null || value === undefined) return "–";
    if (typeof value === "number") return format(value);
    if (typeof value === "boolean") return value ? "yes" : "no";
    return typeof value === "string" ? value || "–" : JSON.stringify(value);
  }

  function drawTurn(move) {
    const e = shown[at], t = e.turns[turn];
    buttons.forEach((button, i) => (i === turn ? button.setAttribute("aria-current", "step") : button.removeAttribute("aria-current")));
    if (!t) { box.replaceChildren(el("p", { class: "note" }, "This episode has no turn.")); return; }
    const target = (/\[([^\]]*)\]|\("([^"]*)"\)/.exec(t.action) || []).slice(1).find(Boolean);
    const needles = [query(), target];
    const seen = el("div", { class: "seen" });
    if (t.image && DATA.images[t.image]) seen.append(el("img", { src: DATA.images[t.image], alt: `Screen before action ${turn + 1}` }));
    else if (t.image) seen.append(el("p", { class: "note" }, DATA.left_out.includes(t.image) ? "This screenshot was left out to keep the file small; it is in the run folder: " : "The screenshot file is missing: ", `episodes/${t.image}`));
    if (t.instruction && t.instruction !== e.instruction) seen.append(block("Instruction of this turn", el("pre", {}, marked(t.instruction, needles))));
    if (t.text !== null && t.text !== undefined) seen.append(block("Page text", el("pre", { class: "page", tabindex: "0" }, marked(t.text, needles))));
    if (!seen.childNodes.length) seen.append(el("p", { class: "note" }, "What the agent saw was not recorded."));
    const spoke = t.words || t.tokens, numbers = [["Reward", t.reward]]; // robots have neither words nor tokens
    if (spoke) numbers.push(["Tokens", t.tokens], ["Log-prob of the response", t.logprob]);
    if (t.value !== null && t.value !== undefined) numbers.push(["Critic's value", t.value]);
    const ending = t.terminated ? "The episode ended here." : t.truncated ? "The episode was cut here." : "";
    // Tables within info (a reward's parts) get a block each; what stands elsewhere on the page is not repeated.
    const info = Object.entries(t.info).filter(([name]) => !["task", "action_valid", "error", "env_error"].includes(name));
    const isTable = ([, value]) => value !== null && typeof value === "object" && !Array.isArray(value);
    const tables = info.filter(isTable), plain = info.filter((pair) => !isTable(pair));
    const said = el("div", { class: "said" },
      spoke ? block("Model's words", el("pre", {}, marked(t.words || "(nothing)", [query()]))) : null,
      block("Action", el("pre", {}, marked(t.action || "(none could be read)", [query()])), "action"),
      refused(t) ? block("Refused", el("p", {}, t.error || "The environment did not accept this action."), "error") : null,
      block("Numbers", [table(numbers), ending ? el("p", { class: "muted" }, ending) : null].filter(Boolean)),
      tables.map(([name, value]) => block(name.replaceAll("_", " "), table(Object.entries(value)), "capital")),
      plain.length ? block("After the action", table(plain)) : null);
    box.setAttribute("aria-label", `Turn ${turn + 1} of ${e.turns.length}`);
    box.replaceChildren(seen, said);
    if (move) buttons[turn]?.scrollIntoView({ block: "nearest", inline: "nearest" });
    address();
  }

  function drawEpisode() {
    const e = shown[at];
    if (!e) { article.replaceChildren(el("p", { class: "note" }, "No episode fits these filters.")); return; }
    turn = Math.max(0, Math.min(turn, e.turns.length - 1));
    buttons = e.turns.map((t, i) => el("button", {
      type: "button", class: `turn ${refused(t) ? "bad" : t.reward > 0 ? "gain" : ""}`, title: t.action, "aria-label": `Turn ${i + 1}: ${t.action}`,
      on: { click: () => { turn = i; drawTurn(); } },
    }, String(i + 1)));
    box = el("div", { class: "turnview", role: "group", "aria-live": "polite" });
    const nav = (text, label, act) => el("button", { type: "button", class: "nav", "aria-label": label, on: { click: act } }, text);
    const parts = Object.entries(e.return_parts).map(([name, value]) => `${name} ${format(value)}`);
    const sum = parts.length > 1 ? `${format(e.return)} (${parts.join(", ")})` : format(e.return);
    const meta = [["", VERDICTS[verdict(e)]], ["score", format(e.score)], ["return", sum]];
    if (e.advantage !== null && e.advantage !== undefined) meta.push(["advantage", format(e.advantage)]);
    meta.push(["task", e.task], ["seed", e.seed], ["sampled", moment(e)]);
    if (e.group >= 0 && e.kind === "train") meta.push(["group", `${e.group}, member ${e.member}`]);
    if (e.replayed) meta.push(["", "replayed from the store"]);
    article.replaceChildren(
      el("header", { class: "panel" },
        el("p", { class: "task" }, marked(e.instruction || "(no instruction)", [query()])),
        el("p", { class: "meta" }, meta.map(([name, value], i) => el("span", i === 0 ? { class: `tag ${verdict(e)}` } : {}, name ? `${name} ` : "", i === 0 ? String(value) : el("b", {}, String(value))))),
        e.env_error ? el("p", { class: "note warn" }, e.env_error) : null,
        el("div", { class: "strip", role: "toolbar", "aria-label": "Turns" }, nav("←", "Previous turn", () => step(-1)), nav("→", "Next turn", () => step(1)), buttons)),
      box);
    drawTurn();
  }

  function select(index, atTurn = 0) {
    if (!shown.length) { drawEpisode(); return; }
    at = Math.max(0, Math.min(shown.length - 1, index));
    turn = atTurn;
    for (const item of list.children) item.setAttribute("aria-selected", String(Number(item.dataset.index) === at));
    const item = list.children[at];
    list.setAttribute("aria-activedescendant", item.id);
    if (item.offsetTop < list.scrollTop || item.offsetTop + item.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = item.offsetTop - list.clientHeight / 3;
    drawEpisode();
  }

  function step(by) {
    const e = shown[at];
    if (!e) return;
    const next = turn + by;
    if (next >= 0 && next < e.turns.length) { turn = next; drawTurn(true); }
  }

  function filter(keep = null) {
    const words = query();
    const fits = { all: () => true, ok: (e) => verdict(e) === "ok", fail: (e) => verdict(e) === "fail", broken: (e) => verdict(e) === "broken", invalid: (e) => e.turns.some(refused) }[outcome.value];
    shown = ALL.filter((e) => fits(e) && (when.value === "all" || moment(e) === when.value) && matchingTurn(e, words) >= 0);
    list.replaceChildren(...shown.map((e, i) => el("li", { role: "option", id: `option-${i}`, "data-index": i, "aria-selected": "false", on: { click: () => { select(i, Math.max(0, matchingTurn(e, query()))); } } },
      el("p", { class: "line" }, el("span", { class: `tag ${verdict(e)}` }, VERDICTS[verdict(e)]), el("span", { class: "muted num" }, `${moment(e)} · ${e.turns.length} turn${e.turns.length === 1 ? "" : "s"} · ${format(e.score)}`)),
      el("p", { class: "what" }, e.instruction || e.task))));
    byId("count").textContent = `${shown.length} of ${ALL.length} episodes`;
    const index = Math.max(0, keep ? shown.indexOf(keep) : 0);
    select(index, shown[index] ? Math.max(0, matchingTurn(shown[index], words)) : 0);
  }

  /** Keep the episode and turn in the address, so that a link or a reload comes back to it. */
  function address() {
    try { history.replaceState(null, "", `#${shown[at].name}/${turn + 1}`); } catch { /* some file viewers forbid it */ }
  }

  function key(event) {
    const typing = event.target.closest("input, select, textarea");
    if (typing) {
      if (event.key === "Escape" || (event.target === search && (event.key === "Enter" || event.key === "ArrowDown"))) { event.preventDefault(); list.focus(); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("svg")) return;
    const inside = section.contains(document.activeElement);
    const top = section.getBoundingClientRect().top;
    const inView = document.activeElement === document.body && top < innerHeight / 2;
    const acts = {
      "/": () => { search.focus(); search.select(); },
      f: () => { outcome.selectedIndex = (outcome.selectedIndex + 1) % outcome.options.length; filter(shown[at]); },
    };
    if (inside || inView) Object.assign(acts, { ArrowLeft: () => step(-1), ArrowRight: () => step(1) });
    if (inside && !event.target.closest(".page")) {
      Object.assign(acts, { ArrowUp: () => select(at - 1), ArrowDown: () => select(at + 1), Home: () => select(0), End: () => select(shown.length - 1), Escape: () => list.focus() });
    } else if (inside) acts.Escape = () => list.focus();
    if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
  }

  outcome.append(...OUTCOMES.filter(([name]) => name !== "broken" || ALL.some((e) => e.env_error)).map(([value, text]) => el("option", { value }, text)));
  when.append(el("option", { value: "all" }, "Whole run"), ...[...new Set(ALL.map(moment))].map((text) => el("option", { value: text }, text)));
  for (const control of [outcome, when]) control.addEventListener("change", () => filter(shown[at]));
  search.addEventListener("input", () => filter(shown[at]));
  document.addEventListener("keydown", key);
  for (const part of [byId("browser"), byId("keys")]) part.hidden = false;

  let wanted = ["", ""];
  try { wanted = decodeURIComponent(location.hash.slice(1)).split("/"); } catch { /* not one of our addresses */ }
  const start = ALL.find((e) => e.name === wanted[0]);
  const before = location.href;
  filter(start);
  if (start) { select(shown.indexOf(start), Number(wanted[1]) - 1 || 0); section.scrollIntoView(); }
  else try { history.replaceState(null, "", before); } catch { /* see address() */ }
})();
