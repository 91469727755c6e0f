// Shows what the command answers, as text only, and asks again whether the file was saved.

const POLL_MS = 600, TYPING_MS = 150;
const MARKS = { good: ["✓", "holds"], bad: ["✗", "does not hold"], problem: ["✘", "problem"], warning: ["!", "warning"] };

const at = (id) => document.getElementById(id);
let config = { version: "", lines: [], notes: [], path: "" };
let sample = { rows: 0, event_types: {} };
let matches = []; // numbers of rows, from 0
let current = -1;
let row = null;
let asked = 0; // the latest row asked for; an older answer is not shown

const nameOf = (path) => path.split("/").pop();

function make(tag, name, ...children) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}

function mark(kind) {
  const [sign, words] = MARKS[kind];
  const shown = make("span", "", sign);
  shown.ariaHidden = "true";
  return make("span", "mark", shown, make("span", "hidden", ` ${words} `));
}

async function ask(view, query = {}) {
  const answer = await fetch(`api/${view}?${new URLSearchParams(query)}`);
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return answer.json();
}

let failed = null; // what could not be done last

function trouble(text) {
  at("trouble").textContent = text;
  at("trouble").hidden = !text;
}

const told = (action) => async (...given) => {
  try {
    await action(...given);
    if (failed === action) trouble("");
  } catch (error) {
    failed = action;
    const gone = error instanceof TypeError; // what fetch throws where nobody answers
    trouble(gone ? "Nobody answers: the command has ended. Start it again, and open the address that it prints." : `The command could not tell: ${error.message}.`);
  }
};

// The config

function drawConfig() {
  const pane = at("config"), top = pane.scrollTop;
  const notesAt = (line) => config.notes.filter((note) => note.line === line).map(drawNote);
  const marks = marksOfRow();
  const lines = config.lines.flatMap((text, index) => [drawLine(text, index + 1, marks.get(index + 1)), ...notesAt(index + 1)]);
  pane.replaceChildren(...notesAt(0), ...lines);
  pane.scrollTop = top;
  const count = (kind) => config.notes.filter((note) => note.kind === kind).length;
  const many = (number, word) => (number ? [`${number} ${word}${number > 1 ? "s" : ""}`] : []);
  const state = [...(config.is_valid ? ["valid"] : []), ...many(count("problem"), "problem"), ...many(count("warning"), "warning")];
  at("config-title").title = config.path;
  at("config-title").replaceChildren(`${nameOf(config.path)}: `, make("span", config.is_valid ? "good" : "bad", state.join(", ")));
}

function drawLine(text, number, held) {
  const code = make("pre", "", text), hanging = `${text.search(/[^ ]|$/) + 2}ch`; // what is wrapped stays below its key
  [code.style.paddingLeft, code.style.textIndent] = [hanging, `-${hanging}`];
  const line = make("div", `line ${held ?? ""}`, make("span", "number", String(number)), held ? mark(held) : make("span", "mark"), code);
  line.dataset.line = number;
  return line;
}

function drawNote(note) {
  const kind = note.kind === "problem" ? "bad" : "warn";
  const shown = make("p", `note ${kind} ${note.line ? "" : "whole"}`, mark(note.kind), ` ${note.text}`);
  shown.dataset.kind = note.kind;
  return shown;
}

// Line → good or bad, of the rows and clauses that were looked at; lines of an older config are of another text.
function marksOfRow() {
  const marks = new Map();
  if (!row?.way || row.is_old) return marks;
  const add = (line, holds) => marks.set(line, holds && marks.get(line) !== "bad" ? "good" : "bad");
  const addAll = (clauses) => {
    for (const clause of clauses) {
      add(clause.line, clause.holds);
      const is_met = clause.group === "any" && clause.holds; // then what does not hold in it is no fault
      if (clause.group) addAll(is_met ? clause.where.filter((one) => one.holds) : clause.where);
    }
  };
  for (const part of row.way.parts) {
    for (const looked of part.rows) {
      add(looked.line, looked.is_taken);
      addAll(looked.where);
    }
  }
  return marks;
}

function bringIntoView(selector) {
  const pane = at("config"), found = pane.querySelector(selector);
  if (!found) return;
  const place = found.getBoundingClientRect(), frame = pane.getBoundingClientRect();
  if (place.top < frame.top || place.bottom > frame.bottom) pane.scrollTop += place.top - frame.top - frame.height / 3;
}

// The row

function drawRow() {
  const place = matches.indexOf(current);
  for (const [id, step] of [["previous", -1], ["next", 1]]) at(id).ariaDisabled = String(matches[place + step] === undefined);
  at("position").textContent = current < 0 ? "No rows" : `Row ${(current + 1).toLocaleString("en")} of ${sample.rows.toLocaleString("en")}`;
  if (!row) return;
  const way = row.way, name = way?.event || "no event";
  const before = row.is_old ? "By the last valid config: " : "";
  at("verdict").textContent = way ? before + [name, ...way.parts.map((part) => part.headline)].join(" · ") : "No valid config yet";
  at("verdict").className = way?.parts.some((part) => part.verdict === "dead_lettered") ? "bad" : "";
  at("event-title").textContent = [nameOf(row.place), way?.time].filter(Boolean).join(" · ");
  const left = row.left_out === 1 ? "1 key that holds nothing is" : `${row.left_out} keys that hold nothing are`;
  at("event").replaceChildren(make("pre", "", row.event), ...(row.left_out ? [make("p", "soft", `${left} left out.`)] : []));
  const old = "The config has problems. This is what its last valid save made of the row.";
  at("result").replaceChildren(
    ...(row.is_old ? [make("p", "old", way ? old : "The config has problems: as soon as it is valid, the request is shown here.")] : []),
    ...(way ? [...way.parts.map(drawPart), ...way.notes.map((note) => make("p", "soft", `Noted: ${note}`))] : []),
  );
  document.title = `Row ${current + 1}: ${name} · a2i preview`;
}

const VERDICTS = { sent: "good", dead_lettered: "bad", dropped: "warn" };

function drawPart(part) {
  return make(
    "div", "part",
    make("h3", VERDICTS[part.verdict] ?? "", part.headline),
    ...part.explanation.map((text) => make("p", "", text)),
    ...part.rows.filter((looked) => looked.where.length).map(drawClauses),
    ...(part.ids.length ? [drawIds(part.ids)] : []),
    ...(part.fields.length ? [drawFields(part.fields)] : []),
    ...(part.request ? [drawRequest(part)] : []),
  );
}

function table(caption, head, rows) {
  const cells = (tag, texts) => make("tr", "", ...texts.map((text) => make(tag, "", text)));
  const headings = cells("th", head);
  for (const heading of headings.children) heading.scope = "col";
  return make("table", "", make("caption", "", caption), make("thead", "", headings), make("tbody", "", ...rows.map((texts) => cells("td", texts))));
}

function* flattened(clauses, indent = "") {
  for (const clause of clauses) {
    yield [clause, indent];
    if (clause.group) yield* flattened(clause.where, indent + "· ");
  }
}

function drawClauses(looked) {
  const rows = [...flattened(looked.where)].map(([clause, indent]) => [
    indent + (clause.group ? `${clause.group} of these` : `${clause.property} ${clause.operator} ${clause.values.join(" or ")}`),
    clause.group ? "" : (clause.found ?? "–"),
    make("span", clause.holds ? "good" : "bad", clause.holds ? "✓ yes" : "✗ no"),
  ]);
  return table(`where of ${looked.row ? `row ${looked.row}` : "every user update"}, line ${looked.line}`, ["Clause", "Found", "Holds"], rows);
}

function drawIds(ids) {
  return table("Who it is", ["Id", "Found", "Path"], ids.map((one) => [
    one.name, one.sent ?? one.found ?? "–", one.found !== undefined && one.sent === undefined ? `${one.path}, not sent` : one.path,
  ]));
}

function drawFields(fields) {
  const rows = fields.map((one) => [one.field, one.found ?? make("span", "soft", `no ${one.path}`), becomes(one)]);
  return table("What it says", ["Field", "Found", "Sent"], rows);
}

function problemOf({ type, problem }) {
  return /^(no|neither) /.test(problem) ? problem : `no ${type}: ${problem}`;
}

function becomes(field) {
  if (field.is_default) return `${field.sent} (default${field.problem ? `, ${problemOf(field)}` : ""})`;
  if (field.found === undefined && field.sent === undefined) return "–";
  if (field.sent !== undefined) return field.type ? `${field.sent} (${field.type})` : field.sent;
  return make("span", "bad", `✘ ${field.problem ? problemOf(field) : "not sent"}`);
}

function drawRequest(part) {
  const copy = (label, text) => {
    const button = make("button", "", label);
    button.type = "button";
    button.addEventListener("click", async () => {
      button.textContent = await navigator.clipboard.writeText(text).then(() => "Copied", () => "Not allowed to copy");
      setTimeout(() => { button.textContent = label; }, 1500);
    });
    return button;
  };
  return make(
    "div", "request",
    make("p", "", make("code", "", `POST ${part.request.url}`)),
    make("pre", "", part.pretty),
    make("div", "copy", copy("Copy body", part.request.body), copy("Copy as curl", part.curl)),
  );
}

// What moves

async function show(number) {
  const mine = ++asked, isOther = number !== current;
  current = number; // at once: keys may come faster than answers
  const answer = await ask("row", { at: number });
  if (mine !== asked) return;
  row = answer;
  history.replaceState(null, "", `#${number + 1}`);
  drawRow();
  if (isOther) at("event").scrollTop = at("result").scrollTop = 0;
  if (answer.version !== config.version) await readConfig();
  drawConfig();
  bringIntoView(".line.bad, .line.good");
}

async function step(by) {
  const next = matches[matches.indexOf(current) + by];
  if (next !== undefined) await show(next);
}

async function find(text) {
  const { found } = text ? await ask("find", { text }) : { found: [...Array(sample.rows).keys()] };
  if (text !== at("search").value.trim()) return;
  matches = found;
  at("matches").textContent = !text ? "" : found.length ? `${found.length.toLocaleString("en")} found` : "none found";
  drawRow();
  if (found.length && !found.includes(current)) await show(found.find((number) => number > current) ?? found[0]);
}

async function readConfig() {
  const answer = await ask("config", { known: config.version });
  if (!answer.version) return;
  config = answer;
  drawConfig();
  bringIntoView(".note[data-kind=problem]");
  if (row && row.version !== config.version) await show(current);
}

async function poll() {
  await told(readConfig)();
  setTimeout(poll, POLL_MS);
}

async function start() {
  sample = await ask("sample");
  const which = sample.is_all ? "All" : "The first";
  at("sample").textContent = `${which} ${sample.rows.toLocaleString("en")} rows of the input are here.`;
  const names = Object.entries(sample.event_types).map(([name, count]) => {
    const option = make("option", "", `${count} rows`);
    option.value = `event=${name}`;
    return option;
  });
  at("event-types").replaceChildren(...names);
  await readConfig();
  matches = [...Array(sample.rows).keys()];
  const wanted = Number(location.hash.slice(1)) - 1;
  if (sample.rows) await show(matches.includes(wanted) ? wanted : 0);
  else drawRow();
  setTimeout(poll, POLL_MS);
}

let typing;
at("search").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => told(find)(at("search").value.trim()), TYPING_MS);
});
at("previous").addEventListener("click", () => told(step)(-1));
at("next").addEventListener("click", () => told(step)(1));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const search = at("search"), typed = event.target === search;
  if (typed && event.key === "Enter") search.blur();
  else if (event.key === "Escape" && (typed || search.value)) {
    search.value = "";
    search.blur();
    told(find)("");
  } else if (typed) return;
  else if (event.key === "/") search.focus();
  else if (event.key === "ArrowLeft" || event.key === "ArrowRight") told(step)(event.key === "ArrowLeft" ? -1 : 1);
  else return;
  event.preventDefault();
});
told(start)();
