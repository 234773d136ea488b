"use strict";
// The bench page. It shows snapshots that the terminal sends and posts what hands do; it keeps no state of the terminal.

const $ = (id) => document.getElementById(id);
const ENTRIES_SHOWN = 150;
const MOVES_EVERY_MS = 500;
const FACT_WORDS = { paper_mm: "paper, mm", last_command: "last command" };

let layout = null;
let now = null;
let chosen = "";
let shownPicture = -1;
let shownDocument = "";

const make = (tag, props = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
};

async function post(path, body) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const said = await answer.json();
    if (!answer.ok) { toast(said.error || answer.statusText); return null; }
    return said.done;
  } catch (error) { toast("The terminal does not answer."); return null; }
}
const act = (device, name, args = {}) => post("act", { device, name, arguments: args });

let toastTimer = 0;
function toast(text) {
  $("toast").textContent = text; $("toast").hidden = false;
  clearTimeout(toastTimer); toastTimer = setTimeout(() => { $("toast").hidden = true; }, 4000);
}
const words = (name) => name.replaceAll("_", " ");
function worded(value) {
  if (Array.isArray(value)) return value.length ? value.map(worded).join(", ") : "none";
  if (value && typeof value === "object") return Object.entries(value).filter(([, v]) => v !== 0).map(([k, v]) => `${words(k)} ${worded(v)}`).join(", ") || "none";
  return value === true ? "yes" : value === false ? "no" : value === null || value === "" ? "none" : String(value);
}

// ------------------------------------------------------------------ the screen

let loading = false, again = false;
async function refreshScreen() {
  if (loading) { again = true; return; }
  loading = true;
  const picture = new Image();
  picture.src = `screen.png?n=${now ? now.picture : 0}&t=${Date.now()}`;
  try { await picture.decode(); $("screen").src = picture.src; $("screen").dataset.serial = now ? now.serial : 0; } catch (error) { /* the next one */ }
  loading = false;
  if (again) { again = false; refreshScreen(); }
}

$("screen").addEventListener("click", async (event) => {
  const box = $("screen").getBoundingClientRect();
  const x = Math.floor((event.clientX - box.left) / box.width * layout.size[0]);
  const y = Math.floor((event.clientY - box.top) / box.height * layout.size[1]);
  await post("touch", { x, y, serial: now ? now.serial : 0 });
});
setInterval(() => { if (now && now.moving && !document.hidden) refreshScreen(); }, MOVES_EVERY_MS);

// ------------------------------------------------------------------ what does not change

function build() {
  document.title = `${layout.bank} · ${layout.terminal}`;
  $("bank").textContent = layout.bank;
  $("terminal").textContent = `${layout.terminal} · ${layout.location}`;
  for (const [locale, name] of layout.languages)
    $("languages").append(make("button", { "data-locale": locale, "aria-pressed": "false", onclick: () => post("speak", { locale }) }, name));
  const heights = [0.379, 0.517, 0.655, 0.792]; // where the screen puts choices beside the keys
  for (let n = 1; n <= 8; n++) {
    const key = `fdk0${n}`;
    const button = make("button", { title: `Side key ${n}`, "data-key": key, onclick: () => act("pin_pad", "press", { key }) }, `F${n}`);
    button.style.top = `calc(12px + (100% - 24px) * ${heights[(n - 1) % 4]})`;
    $(n <= 4 ? "keys-left" : "keys-right").append(button);
  }
  const pad = [["1"], ["2"], ["3"], ["cancel", "Cancel"], ["4"], ["5"], ["6"], ["clear", "Clear"], ["7"], ["8"], ["9"], ["enter", "Enter"], ["00"], ["0"], ["."], ["blank", ""]];
  for (const [key, text] of pad)
    $("pad").append(make("button", { class: text === undefined ? "" : `word ${key}`, "data-key": key, "aria-label": text || key, onclick: () => act("pin_pad", "press", { key }) }, text ?? key));
  if (!layout.cards.length) $("wallet-box").hidden = true;
  for (const card of layout.cards)
    $("wallet").append(make("button", { class: "demo", "data-card": card.label, "data-tail": card.tail, "aria-pressed": "false", title: `${card.holder}: ${card.note}`, onclick: () => choose(card.label), ondblclick: () => insert(false) },
      make("b", {}, words(card.label)), make("code", {}, `PIN ${card.pin}`), make("small", {}, `…${card.tail} ${card.note}`)));
  if (layout.cards.length) choose(layout.cards[0].label);
  buildFeed(layout.devices.find((device) => device.name === "note_acceptor"));
  $("part-code").hidden = !layout.devices.some((device) => device.name === "barcode_scanner");
  for (const code of layout.codes) $("codes").append(make("option", { value: code }));
  for (const device of layout.devices) $("tab-devices").append(devicePanel(device));
  $("host-faults").append(hostPanel());
}

function buildFeed(acceptor) {
  const feeding = acceptor && acceptor.acts.find((a) => a.name === "insert_note");
  if (!feeding) return;
  $("part-feed").hidden = false;
  for (const note of layout.notes)
    $("feed").append(make("button", { class: `note n${note.value_minor}`, "data-feed": note.value_minor, title: `Feed ${note.text}`,
      onclick: () => act("note_acceptor", "insert_note", { value: note.value_minor / 100, quality: $("feed-quality").value }) }, `${note.value_minor / 100}`));
  const qualities = /one of ([^;]*)/.exec(feeding.arguments.quality || "");
  for (const quality of qualities ? qualities[1].split(", ") : ["good"]) $("feed-quality").append(make("option", { value: quality }, quality));
}

function choose(label) {
  chosen = label;
  for (const card of document.querySelectorAll(".demo")) card.setAttribute("aria-pressed", String(card.dataset.card === label));
}
const insert = (wrong) => post("card", { label: chosen, wrong_way: wrong });

function tool(device, what, path, verb) {
  const inputs = Object.entries(what.arguments).map(([name, meaning]) => make("input", { name, placeholder: meaning, title: meaning, "aria-label": `${name}: ${meaning}` }));
  const args = make("div", { class: "args", hidden: true }, ...inputs.map((input) => make("label", {}, input.name, input)));
  const run = () => post(path, { device, name: what.name, arguments: Object.fromEntries(inputs.filter((i) => i.value !== "").map((i) => [i.name, i.value])) });
  const buttons = make("div", { class: "row" });
  if (inputs.length) buttons.append(make("button", { title: "Say how", "aria-label": `${what.name}: arguments`, onclick: () => { args.hidden = !args.hidden; } }, "…"));
  buttons.append(make("button", { onclick: run, "data-tool": `${device}/${what.name}` }, verb));
  const does = make("div", { class: "does" }, make("b", {}, what.name), what.does);
  if (what.edge_cases.length) does.append(make("i", { title: "Edge cases of the catalogue" }, `EC ${what.edge_cases.join(", ")}`));
  return make("div", { class: "tool", "data-fault": what.name }, does, buttons, args);
}

function devicePanel(device) {
  const inside = make("div", { class: "inside" },
    make("div", { class: "row" },
      make("button", { id: `plug-${device.name}`, onclick: () => post("plug", { device: device.name, plugged: !now.devices[device.name].plugged }) }, "Unplug"),
      make("button", { onclick: () => post("heal", { device: device.name }) }, "Heal"), make("span", { class: "dim path" }, device.path)),
    make("dl", { class: "facts", id: `facts-${device.name}` }));
  if (device.acts.length) inside.append(make("div", { class: "group" }, "Hands"), ...device.acts.map((a) => tool(device.name, a, "act", "Do")));
  if (device.faults.length) inside.append(make("div", { class: "group" }, "Faults"), ...device.faults.map((f) => tool(device.name, f, "strike", "Strike")));
  return make("details", { class: "device", id: `device-${device.name}` },
    make("summary", {}, make("i", { class: "dot" }), make("div", {}, words(device.name), make("small", {}, "")), make("span", { class: "chip" }, device.line === "simulated" ? "in memory" : device.line)), inside);
}

function hostPanel() {
  if (!layout.host_faults.length) return make("p", { class: "empty" }, "The host is not the embedded bank: it fails by itself only.");
  return make("details", { class: "device", id: "device-host" },
    make("summary", {}, make("i", { class: "dot", id: "dot-host" }), make("div", {}, "bank", make("small", { id: "host-line" }, "")), make("span", { class: "chip" }, "embedded")),
    make("div", { class: "inside" }, make("div", { class: "row" }, make("button", { onclick: () => post("heal", { device: "host" }) }, "Heal")),
      make("div", { class: "group" }, "Faults"), ...layout.host_faults.map((f) => tool("host", f, "strike", "Strike"))));
}

// ------------------------------------------------------------------ what changes

function show(seen) {
  now = seen;
  if (seen.picture !== shownPicture) { shownPicture = seen.picture; refreshScreen(); }
  $("dark").hidden = seen.powered;
  $("dark").firstElementChild.textContent = seen.powered ? "" : "no power";
  const serving = seen.screen && !["out_of_service", "starting", ""].includes(seen.screen);
  lamp("lamp-screen", seen.broken ? "broken" : seen.powered ? words(seen.screen || "starting") : "no power", seen.broken || seen.screen === "out_of_service" ? "bad" : serving ? "ok" : "warn", seen.broken || seen.halted || seen.where);
  lamp("lamp-host", seen.host.online ? "host online" : "host offline", seen.host.online ? "ok" : "bad", seen.host.key ? "The PIN key is loaded" : "No PIN key");
  $("lamp-waiting").hidden = !seen.host.waiting;
  if (seen.host.waiting) lamp("lamp-waiting", `${seen.host.waiting} waiting`, "warn");
  const armed = Object.entries(seen.devices).flatMap(([name, d]) => (d.sim.armed || []).map((f) => `${words(name)}: ${words(f)}`)).concat(seen.host.armed.map((f) => `host: ${words(f)}`));
  $("lamp-armed").hidden = !armed.length;
  if (armed.length) lamp("lamp-armed", armed.length === 1 ? armed[0] : `${armed.length} faults armed`, "warn", armed.join("\n"));
  for (const button of $("languages").children) button.setAttribute("aria-pressed", String(button.dataset.locale === seen.locale));
  document.body.dataset.screen = seen.screen;
  showCard(seen.devices.card_reader); showNotes(seen.devices.dispenser); showFeed(seen.devices.note_acceptor); showCode(seen.devices.barcode_scanner); showPaper(seen.devices.printer); showPad(seen.devices.pin_pad);
  for (const [name, device] of Object.entries(seen.devices)) showDevice(name, device);
  showHost(seen.host);
  for (const entry of seen.entries) addEntry(entry);
  for (const message of seen.messages) addMessage(message);
  showCash(seen.cash);
}

function lamp(id, text, tone, title) {
  const node = $(id); node.textContent = text; node.className = `lamp ${tone}`; node.hidden = false;
  if (title) node.title = title;
}
function calls(id, on) {
  const before = $(id).classList.contains("calls");
  $(id).classList.toggle("calls", Boolean(on));
  if (on && !before) $(id).scrollIntoView({ block: "nearest", behavior: "smooth" }); // on a phone it may be out of sight
}

function showCard(device) {
  const sim = device.sim, card = sim.card;
  const open = sim.gate && sim.gate !== "closed" && !card;
  $("mouth").classList.toggle("open", Boolean(open));
  const out = card && card.place === "exit";
  $("card-out").hidden = !out;
  if (out) $("card-out").textContent = card.label.replace("card ...", "•••• ");
  calls("part-card", out);
  $("card-do").textContent = out ? "Take" : "Insert";
  $("card-do").disabled = !out && (!open || !chosen);
  $("card-wrong").disabled = !open || !chosen;
  $("card-hint").textContent = !("gate" in sim) ? "A real reader." : out ? "Please take the card." : card ? `The card is ${card.place}.` : open ? `Choose a card and insert it.` : "The shutter is closed.";
  for (const demo of document.querySelectorAll(".demo")) {
    const inside = card && card.label.endsWith(demo.dataset.tail);
    const kept = (sim.bin || []).some((label) => label.endsWith(demo.dataset.tail));
    demo.classList.toggle("away", Boolean(inside || kept));
  }
}

function pile(unit, count) {
  const note = layout.notes.find((n) => n.unit === unit);
  const shown = Math.min(count, 12);
  const node = make("div", { class: "pile", title: `${count} × ${note ? note.text : unit}` });
  node.style.width = `${76 + shown * 4}px`;
  for (let n = 0; n < shown; n++) { const sheet = make("i", { class: note ? `n${note.value_minor}` : "" }); sheet.style.left = `${n * 4}px`; sheet.style.top = `${n % 2}px`; node.append(sheet); }
  const face = make("b", {}, note ? note.text : unit); face.style.left = `${(shown - 1) * 4}px`;
  node.append(face, make("em", {}, `×${count}`));
  return node;
}

function showNotes(device) {
  const sim = device.sim, tray = Object.entries(sim.tray || {}).filter(([, n]) => n);
  $("tray").replaceChildren(...tray.map(([unit, n]) => pile(unit, n)));
  const total = tray.reduce((sum, [, n]) => sum + n, 0);
  calls("part-notes", total && !sim.moving && now.screen !== "counting");
  $("notes-take").disabled = !total; $("notes-half").disabled = total < 2;
  const taken = Object.entries(sim.taken || {}).filter(([, n]) => n).map(([unit, n]) => `${n} × ${(layout.notes.find((k) => k.unit === unit) || { text: unit }).text}`);
  $("tray-hint").textContent = sim.moving ? "Counting…" : total ? "Please take the notes." : taken.length ? `Taken: ${taken.join(", ")}.` : "The outlet is empty.";
}

function showFeed(device) {
  if (!device || $("part-feed").hidden) return;
  const sim = device.sim, waiting = Object.values((sim.places || {}).mouth || {}).reduce((sum, n) => sum + n, 0);
  const open = Boolean(sim.open_for_notes) && sim.phase === "idle" && !waiting;
  for (const button of $("feed").children) button.disabled = !open;
  $("feed-take").disabled = !waiting;
  calls("part-feed", open || waiting);
  $("feed-hint").textContent = !("phase" in sim) ? "a real acceptor" : waiting ? "Please take the note back." : open ? "Feed a note." : sim.phase === "idle" ? "closed" : `${words(sim.phase)}…`;
}

function showCode(device) {
  if (!device) return;
  const reading = Boolean(device.sim.reading);
  calls("part-code", reading);
  $("code-show").disabled = !reading;
  $("code-hint").textContent = !("reading" in device.sim) ? "a real reader" : reading ? "It looks for a code." : "off";
}

function showPaper(device) {
  const sim = device.sim, paper = sim.document;
  const mark = paper ? `${sim.printed}/${paper.lines}` : "";
  if (paper && mark !== shownDocument) { shownDocument = mark; $("paper-img").src = $("viewer-img").src = `document.png?n=${encodeURIComponent(mark)}&t=${Date.now()}`; }
  const out = Boolean(paper && paper.where === "outlet");
  $("paper").hidden = !(paper && ["outlet", "printing", "inside"].includes(paper.where));
  calls("part-receipt", out);
  $("paper-take").disabled = $("viewer-take").disabled = !out; $("paper-look").disabled = !paper;
  $("paper-hint").textContent = sim.printing ? "Printing…" : out ? "Please take the receipt." : paper ? `The last one is ${words(paper.where)}.` : sim.paper === "out" ? "The paper is out." : "Nothing printed yet.";
}

function showPad(device) {
  const usable = device.line !== "port" && device.sim.powered !== false;
  for (const key of document.querySelectorAll("[data-key]")) key.disabled = !usable;
  calls("part-pad", device.sim.entry && device.sim.entry !== "none" && now.screen === "enter_pin" && !device.sim.digits);
}

function showDevice(name, device) {
  const tone = device.plugged ? device.health || "unknown" : "stop";
  for (const dot of [$(`dot-${name}`), $(`device-${name}`).querySelector(".dot")]) if (dot) dot.className = `dot ${tone}`;
  const said = !device.plugged ? "unplugged" : device.stranger ? "another unit than before" : device.error ? `${device.health}: ${device.error}` : device.health;
  const supplies = Object.entries(device.supplies || {}).map(([k, v]) => `${words(k)} ${v}`);
  $(`device-${name}`).querySelector("small").textContent = [device.model, said, ...supplies].filter(Boolean).join(" · ");
  $(`plug-${name}`).textContent = device.plugged ? "Unplug" : "Plug in";
  const facts = $(`facts-${name}`);
  if (!facts.closest("details").open) return;
  const rows = Object.entries(device.sim).filter(([k]) => !["document", "units"].includes(k)).map(([k, v]) => [FACT_WORDS[k] || words(k), worded(v)]);
  if (device.sim.units) rows.unshift(["cassettes", Object.entries(device.sim.units).map(([k, v]) => `${k} ${v}`).join(", ")]);
  if (device.detail) rows.unshift(["detail", device.detail]);
  facts.replaceChildren(...rows.flatMap(([k, v]) => [make("dt", {}, k), make("dd", {}, v)]));
  for (const node of $(`device-${name}`).querySelectorAll(".tool")) node.classList.toggle("armed", (device.sim.armed || []).includes(node.dataset.fault));
}

function showHost(host) {
  if (!$("device-host")) return;
  $("dot-host").className = `dot ${host.online ? "ok" : "stop"}`;
  $("host-line").textContent = [host.online ? "online" : "offline", host.down ? "line down" : "", host.waiting ? `${host.waiting} messages wait` : "", ...host.armed.map((f) => `armed: ${words(f)}`)].filter(Boolean).join(" · ");
}

function addRow(list, kind, at, title, rest, number, data) {
  const row = make("li", { class: kind }, make("details", {}, make("summary", {}, make("time", { title: at }, new Date(at).toLocaleTimeString("en-GB")), make("span", { class: "what" }, make("b", {}, title), rest), make("span", { class: "num" }, number))));
  row.firstElementChild.addEventListener("toggle", () => { if (row.firstElementChild.open && !row.querySelector("pre")) row.firstElementChild.append(make("pre", {}, JSON.stringify(data, null, 1))); });
  list.prepend(row);
  while (list.children.length > ENTRIES_SHOWN) list.lastElementChild.remove();
}
function addEntry(entry) {
  const d = entry.data;
  const rest = entry.kind === "step" ? (d.moves || []).map((m) => m.from === m.to ? m.to : `${m.from} → ${m.to}`).join(", ") : worded(Object.fromEntries(Object.entries(d).filter(([, v]) => typeof v !== "object")));
  addRow($("entries"), entry.kind, entry.at, entry.kind === "step" ? d.event : words(entry.kind), rest, `${entry.seq}`, d);
}
function addMessage(m) {
  const refused = m.code && !["00", "10"].includes(m.code) ? " refused" : "";
  addRow($("messages"), m.direction + refused, m.at, `${m.direction === "out" ? "→" : "←"} ${m.mti}`, `${m.title}${m.code ? ` · ${m.code}` : ""}`, m.fields["11"] || "", m.fields);
}

function showCash(rows) {
  if ($("tab-cash").hidden) return;
  if (!rows.length) { $("tab-cash").replaceChildren(make("p", { class: "empty" }, "No notes are booked anywhere.")); return; }
  const line = (...cells) => make("tr", {}, ...cells.map((c) => make("td", {}, c)));
  const body = rows.filter((r) => r.place !== "supply").map((r) => line(words(r.place), r.unit, (r.value_minor / 100).toFixed(0), String(r.count), (r.value_minor * r.count / 100).toFixed(2)));
  $("tab-cash").replaceChildren(make("table", {}, make("thead", {}, make("tr", {}, ...["place", "unit", "note", "count", "worth"].map((t) => make("th", {}, t)))), make("tbody", {}, ...body)));
}

// ------------------------------------------------------------------ hands

$("card-do").addEventListener("click", () => $("card-out").hidden ? insert(false) : act("card_reader", "take_card"));
$("card-out").addEventListener("click", () => act("card_reader", "take_card"));
$("card-wrong").addEventListener("click", () => insert(true));
$("notes-take").addEventListener("click", () => act("dispenser", "take_notes"));
$("tray").addEventListener("click", () => { if (!$("notes-take").disabled) act("dispenser", "take_notes"); });
$("notes-half").addEventListener("click", () => act("dispenser", "take_notes", { n: 1 }));
$("feed-take").addEventListener("click", () => act("note_acceptor", "take_note"));
$("part-code").addEventListener("submit", (event) => { event.preventDefault(); act("barcode_scanner", "show_code", { data: $("code").value }); });
$("paper-take").addEventListener("click", () => act("printer", "take_document"));
$("paper-look").addEventListener("click", () => $("viewer").showModal());
$("paper").addEventListener("click", () => $("viewer").showModal());
$("viewer-take").addEventListener("click", () => { act("printer", "take_document"); $("viewer").close(); });
$("viewer-close").addEventListener("click", () => $("viewer").close());
$("heal").addEventListener("click", () => post("heal", { device: "all" }));
$("power").addEventListener("click", () => post("power", { for_ms: 8000 }));
for (const tab of document.querySelectorAll("[data-tab]"))
  tab.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-tab]")) { other.setAttribute("aria-selected", String(other === tab)); $(`tab-${other.dataset.tab}`).hidden = other !== tab; }
    if (now) showCash(now.cash);
  });
document.addEventListener("toggle", (event) => { if (now && event.target.classList && event.target.classList.contains("device")) for (const [name, d] of Object.entries(now.devices)) showDevice(name, d); }, true);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, dialog")) return;
  if (event.key === "Enter" && event.target.closest("button, summary")) return; // it presses what has the focus
  const key = { Enter: "enter", Escape: "cancel", Backspace: "clear" }[event.key] || (/^[0-9]$/.test(event.key) ? event.key : "");
  if (key) { event.preventDefault(); act("pin_pad", "press", { key }); }
});

// ------------------------------------------------------------------ live

function follow() {
  const source = new EventSource("events");
  source.addEventListener("open", () => { $("entries").replaceChildren(); $("messages").replaceChildren(); });
  source.addEventListener("message", (event) => show(JSON.parse(event.data)));
  source.addEventListener("error", () => lamp("lamp-screen", "no connection", "bad", "The terminal has ended, or this page lost it; it tries again."));
}
fetch("layout").then((answer) => answer.json()).then((found) => { layout = found; build(); follow(); });
