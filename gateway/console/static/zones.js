// The zone editor: the number fields are the truth; the map draws them, and changes them by taps, drags and keys.
/* global L */
import { about, draw, fit, ground, zone } from "./ground.js";
import { begun, beside, between, blank, geometry, inserted, moved, neighbour, point, readable, removed, tapped, withPoint, wrapped } from "./shape.js";
import { unsaved } from "./unsaved.js";
import { fields } from "./zone_fields.js";

const CHECK_MS = 400;
const MANY = 150; // more corners than that get no dots between them
const MOST = 300; // more handles than that are not drawn at once; of more corners in sight every so manieth has one
const KEPT = 200_000; // corners in what can be undone
const form = document.getElementById("zone");
const box = document.getElementById("map");
const tools = document.getElementById("tools");
const help = document.getElementById("help");
const say = document.getElementById("say").dataset;
const voice = document.getElementById("say");
const faults = document.getElementById("faults");
const map = ground(box);
const others = draw(box, map);
const mine = L.featureGroup().addTo(map);
const marks = L.featureGroup().addTo(map);
const crossings = L.featureGroup().addTo(map);
const sheet = fields(form);
const touched = unsaved(form, Boolean(form.dataset.typed));
let state = sheet.first();
let dragged = false;
let past = [];
let future = [];
let waiting;

const place = (latlng) => [wrapped(latlng.lng), latlng.lat].map((one) => Number(one.toFixed(7)));
const swap = (one) => [one[1], one[0]];
const step = () => Number(tools.querySelector("[data-tool=step]").value);

function commit(next, focus = false) {
  keep();
  state = next;
  sheet.write(state);
  paint(focus);
  check();
}

function keep() {
  touched();
  past.push(state);
  while (past.length > Math.max(10, Math.min(200, KEPT / (corners() + 1)))) past.shift();
  future = [];
}

function corners(paths = state.paths) {
  return paths.reduce((sum, path) => sum + path.points.length, 0);
}

function back(from, to) {
  if (!from.length) return;
  touched();
  to.push(state);
  state = from.pop();
  sheet.write(state);
  paint(box.contains(document.activeElement));
  check();
}

function shape() {
  mine.clearLayers();
  const radius_m = state.radius > 0 ? state.radius : 1;
  const layer = zone({ geometry: geometry(state), radius_m, width_m: state.width }, map, unread() ? "zone mine unsure" : "zone mine");
  if (layer) layer.addTo(mine);
  return layer;
}

// A corner can't be drawn: what is drawn is not the whole border.
function unread() {
  return state.paths.some((path) => path.points.some((at) => !readable(at) && !blank(at)));
}

function handle(at, label, look, drag, done) {
  const icon = L.divIcon({ className: `handle ${look}`, html: document.createElement("i"), iconSize: [48, 48] });
  const marker = L.marker(swap(at), { icon, draggable: Boolean(drag), keyboard: true, title: label, alt: label, autoPan: true });
  if (drag) {
    marker.on("dragstart", () => { dragged = true; });
    marker.on("drag", () => { drag(place(marker.getLatLng())); shape(); });
    marker.on("dragend", () => { dragged = false; done(place(marker.getLatLng())); });
  }
  return marker.addTo(marks);
}

function edge() {
  return moved(state.middle, state.radius > 0 ? state.radius : 1, 0);
}

function paint(focus = false) {
  shape();
  marks.clearLayers();
  let chosen = null;
  let border = null;
  if (state.shape === "circle" && readable(state.middle)) {
    const before = state;
    chosen = handle(state.middle, say.middle, "corner chosen", (to) => { state = withPoint(before, to); },
      (to) => { state = before; commit(withPoint(before, to), true); });
    chosen.getElement().dataset.middle = "1";
    border = handle(edge(), say.edge, "corner", (to) => { state = { ...before, radius: away(before.middle, to) }; },
      (to) => { state = before; commit({ ...before, radius: away(before.middle, to) }, EDGE); });
    border.getElement().dataset.edge = "1";
  }
  if (state.shape === "polygon" || state.shape === "corridor") {
    const count = corners();
    const drawn = sight(count);
    let n = 0;
    state.paths.forEach((path, p) => path.points.forEach((at, q) => {
      n += 1;
      const here = state.chosen?.p === p && state.chosen?.q === q;
      if (!readable(at) || !(here || drawn(at))) return;
      const before = { ...state, chosen: { p, q } };
      const marker = handle(at, say.corner.replace("{n}", n), here ? "corner chosen" : "corner",
        (to) => { state = withPoint(before, to); }, (to) => { state = before; commit(withPoint(before, to), true); });
      Object.assign(marker.getElement().dataset, { p, q });
      marker.on("click", () => choose({ p, q }));
      if (here) chosen = marker;
      const next = path.points[q + 1] ?? (state.shape === "polygon" && path.points.length > 2 ? path.points[0] : null);
      if (readable(next) && count <= MANY) {
        const middle = handle(between(at, next), say.between, "between");
        middle.on("click", () => commit(inserted(state, p, q), true));
        middle.getElement().tabIndex = -1;
      }
    }));
  }
  if (focus) ((focus === EDGE ? border : chosen)?.getElement() ?? box).focus({ preventScroll: true });
  sheet.choose(state.chosen);
  buttons();
}

function away(from, to) {
  return Math.max(1, Math.round(map.distance(swap(from), swap(to)) * 10) / 10);
}

// Which corners have a handle: all, or those in sight when there are very many.
function sight(count) {
  if (count <= MOST) return () => true;
  const inside = (at) => inSight(at, 0.1);
  const every = Math.ceil(state.paths.reduce((sum, path) => sum + path.points.filter((at) => readable(at) && inside(at)).length, 0) / MOST);
  let n = 0;
  return (at) => inside(at) && n++ % every === 0;
}

// The chosen corner is the one whose handle has the focus: keys act on it.
function pick(chosen) {
  if (state.chosen?.p === chosen.p && state.chosen?.q === chosen.q) return;
  state = { ...state, chosen };
  for (const old of box.querySelectorAll(".handle.chosen")) old.classList.remove("chosen");
  handleOf(chosen)?.classList.add("chosen");
  sheet.choose(chosen);
  buttons();
}

function inSight([lon, lat], more = 0) {
  return map.getBounds().pad(more).contains([lat, beside(lon, map.getCenter().lng)]);
}

function handleOf({ p, q }) {
  return box.querySelector(`.handle[data-p="${p}"][data-q="${q}"]`);
}

function choose(chosen) {
  if (!chosen) return;
  pick(chosen);
  const [lon, lat] = point(state);
  if (!inSight([lon, lat])) map.panTo([lat, beside(lon, map.getCenter().lng)], { animate: false });
  if (!handleOf(chosen)) paint();
  handleOf(chosen)?.focus({ preventScroll: true });
  tell();
}

function tell() {
  const at = point(state);
  if (!at) return;
  const all = corners();
  const n = state.chosen ? corners(state.paths.slice(0, state.chosen.p)) + state.chosen.q + 1 : 1;
  voice.textContent = say.moved.replace("{n}", n).replace("{all}", all || 1).replace("{lat}", at[1].toFixed(5)).replace("{lon}", at[0].toFixed(5));
}

function buttons() {
  const drawn = state.shape === "polygon" || state.shape === "corridor";
  const on = { undo: past.length, redo: future.length, remove: point(state), hole: state.shape === "polygon" && geometry(state), part: drawn && geometry(state) };
  for (const button of tools.querySelectorAll("button")) button.disabled = !on[button.dataset.tool];
  const keys = Object.assign(document.createElement("span"), { className: "keys" }); // hidden where there are none
  if (state.shape !== "indoor") keys.textContent = ` ${help.dataset.keys}`;
  help.replaceChildren(help.dataset[state.shape], keys);
}

async function check() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const drawn = geometry(state);
    crossings.clearLayers();
    const unread = sheet.mark(state);
    if (unread.length) return refused(unread);
    if (!drawn) return faults.replaceChildren();
    const wanted = { name: form.elements.name.value.trim() || "-", geometry: drawn };
    if (state.shape === "circle") wanted.radius_m = state.radius ?? 0;
    if (state.shape === "corridor") wanted.width_m = state.width ?? 0;
    try {
      const response = await fetch("/api/zones/check", { method: "POST", body: JSON.stringify(wanted),
        headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(8_000) });
      if (response.ok) judged((await response.json()).faults);
    } catch {
      // it is checked again when it is saved
    }
  }, CHECK_MS);
}

// What can't be read is said, and never left out: without that corner it is another place.
function refused(unread) {
  judged([{ text: form.dataset.notYet }, ...unread]);
}

function judged(found) {
  faults.replaceChildren();
  if (!found.length) return;
  const note = Object.assign(document.createElement("div"), { className: "notice" });
  for (const fault of found) note.append(Object.assign(document.createElement("p"), { textContent: fault.text }));
  faults.append(note);
  show(found.filter((fault) => fault.lon != null).map((fault) => [fault.lon, fault.lat]));
}

function show(places) {
  for (const at of places) {
    const icon = L.divIcon({ className: "handle crossing", html: document.createElement("i"), iconSize: [48, 48] });
    L.marker(swap(at), { icon, interactive: false, keyboard: false, alt: say.crossing }).bindTooltip(say.crossing, { permanent: true }).addTo(crossings);
  }
}

const TOOLS = {
  undo: () => back(past, future),
  redo: () => back(future, past),
  remove: () => commit(removed(state), true),
  hole: () => commit(begun(state, "hole")),
  part: () => commit(begun(state, state.shape === "corridor" ? "line" : "outer")),
};
const EDGE = "edge"; // the focus goes there
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

// Before Leaflet, which would pan.
box.addEventListener("keydown", (event) => {
  const here = event.target.closest(".handle");
  const key = event.key;
  const arrow = ARROWS[key];
  const held = here?.dataset.q || here?.dataset.middle; // not the edge of a circle, nor a dot between two corners
  let done = true;
  if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "z") TOOLS[event.shiftKey ? "redo" : "undo"]();
  else if ((event.ctrlKey || event.metaKey) && key.toLowerCase() === "y") TOOLS.redo();
  else if (event.ctrlKey || event.metaKey || event.altKey) done = false;
  else if (arrow && here?.dataset.edge) commit({ ...state, radius: Math.max(1, (state.radius || 1) + (arrow[0] + arrow[1]) * step()) }, EDGE);
  else if (arrow && held && point(state)) {
    commit(withPoint(state, moved(point(state), arrow[0] * step(), arrow[1] * step()).map((one) => Number(one.toFixed(7)))), true);
    tell();
  } else if ((key === "n" || key === "p") && state.shape !== "circle") choose(neighbour(state, key === "n" ? 1 : -1));
  else if (key === "Insert" && state.chosen?.q >= 0) commit(inserted(state, state.chosen.p, state.chosen.q), true);
  else if ((key === "Delete" || key === "Backspace") && held && point(state)) TOOLS.remove();
  else if (key === "Enter" && event.target === box) { commit(tapped(state, place(map.getCenter())), true); tell(); }
  else done = false;
  if (done) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);
box.addEventListener("focusin", ({ target }) => {
  const { p, q } = target.closest(".handle")?.dataset ?? {};
  if (q) pick({ p: Number(p), q: Number(q) });
});
map.on("moveend", () => { if (!dragged && corners() > MOST) paint(box.contains(document.activeElement) && document.activeElement.matches(".handle")); });
map.on("click", (event) => { commit(tapped(state, place(event.latlng)), false); tell(); });
tools.addEventListener("click", (event) => TOOLS[event.target.closest("button")?.dataset.tool]?.());
marks.on("click", (event) => L.DomEvent.stopPropagation(event));
form.addEventListener("change", (event) => {
  if (event.target.dataset.tool) return;
  keep();
  state = { ...sheet.read(), chosen: state.chosen };
  if (!point(state)) state.chosen = neighbour(state, 0);
  if (event.target.name === "shape") sheet.write(state);
  paint();
  check();
});
form.addEventListener("input", ({ target }) => { if (!target.dataset.tool) touched(); });
form.addEventListener("submit", (event) => {
  const unread = ["check", "save", "try"].includes(event.submitter?.value ?? "save") ? sheet.mark(sheet.read()) : [];
  if (!unread.length) return;
  event.preventDefault();
  refused(unread);
  unread[0].field.focus();
});

tools.hidden = help.hidden = false;
const start = [state.middle, ...state.paths.flatMap((path) => path.points)].find(readable);
if (start) about(map, start[0]);
sheet.write(state);
paint();
show(JSON.parse(form.dataset.places));
if (!fit(map, [mine])) fit(map, [others]);
