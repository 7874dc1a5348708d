// The map of all, of one resident's day, and of the zones: drawn from the list that the page has anyway.
/* global L */
import { draw, fit, ground } from "./ground.js";
import { fresh } from "./fresh.js";

const box = document.getElementById("map");
const spots = document.getElementById("spots");
const way = document.getElementById("way");
const map = ground(box);
const zones = draw(box, map);
const people = L.featureGroup().addTo(map);
let pins = new Map();
let newest = null; // where the person of a way was last
const shown = new Map([...(way?.querySelectorAll("[data-part]") ?? [])].map((part) => [part.id, part.innerHTML]));

function number(item, name) {
  return item.dataset[name] === undefined ? null : Number(item.dataset[name]);
}

function at(item) {
  return [number(item, "lat"), number(item, "lon")];
}

function pin(item) {
  const label = document.createElement("span");
  label.textContent = item.dataset.label;
  const urgent = /\b(high|medium|low)\b/.test(item.dataset.look);
  const icon = L.divIcon({ className: `pin ${item.dataset.look}`, html: label, iconSize: [48, 48] });
  const marker = L.marker(at(item), { icon, title: item.dataset.say, alt: item.dataset.say, keyboard: true,
    zIndexOffset: urgent ? 1000 : 0 });
  marker.bindPopup(() => popup(item), { maxWidth: 280 });
  return marker;
}

function popup(item) {
  const copy = document.createElement("div");
  for (const part of item.children) copy.append(part.cloneNode(true));
  for (const button of copy.querySelectorAll("button")) button.remove();
  return copy;
}

function show() {
  const open = [...pins].find(([, marker]) => marker.isPopupOpen())?.[0];
  const focused = document.activeElement?.closest?.(".pin")?.dataset.spot;
  people.clearLayers();
  pins = new Map();
  for (const item of spots.querySelectorAll("li[data-lon]")) {
    const accuracy = number(item, "accuracy");
    if (accuracy) {
      L.circle(at(item), { radius: accuracy, className: `disc ${item.dataset.look}`, interactive: false }).addTo(people);
    }
    const marker = pin(item).addTo(people);
    marker.getElement().dataset.spot = item.id;
    pins.set(item.id, marker);
  }
  for (const button of spots.querySelectorAll("[data-find]")) button.hidden = false;
  if (open) pins.get(open)?.openPopup();
  if (focused) pins.get(focused)?.getElement().focus({ preventScroll: true });
}

// An alarm that comes outside of what is seen is brought into view, as soon as nobody's hand is on the map.
const HANDS_OFF_MS = 10_000;
const urgent = (item) => /\b(high|medium)\b/.test(item.dataset.look);
let touched = -HANDS_OFF_MS;
let told = new Set();
let unseen = [];

function news() {
  const alarms = [...spots.querySelectorAll("li[data-lon]")].filter(urgent);
  unseen = [...unseen.map(({ id }) => document.getElementById(id)).filter((item) => alarms.includes(item)),
    ...alarms.filter(({ id }) => !told.has(id))];
  told = new Set(alarms.map(({ id }) => id));
  look();
}

function look() {
  if (!unseen.length || performance.now() - touched < HANDS_OFF_MS) return;
  const out = unseen.filter((item) => !map.getBounds().contains(at(item)));
  unseen = [];
  if (out.length) fit(map, [L.featureGroup(out.map((item) => pins.get(item.id))), { getBounds: () => map.getBounds() }]);
}

function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html").body;
  const focused = document.activeElement;
  const row = spots.contains(focused) ? focused.closest("li")?.id : null;
  const which = row ? [...document.getElementById(row).querySelectorAll("a, button")].indexOf(focused) : -1;
  const open = [...spots.querySelectorAll("details")].map((one) => one.open);
  spots.replaceChildren(...page.childNodes);
  [...spots.querySelectorAll("details")].forEach((one, place) => { one.open = open[place] ?? false; });
  show();
  news();
  if (which >= 0) document.getElementById(row)?.querySelectorAll("a, button")[which]?.focus({ preventScroll: true });
}

// The way of one person, from the list. When the newest position leaves what is seen, the map goes after it.
function follow(move) {
  people.clearLayers();
  const points = [...way.querySelectorAll("li[data-lon]")].reverse();
  const old = document.querySelector("#newest.aged") ? " aged" : "";
  let before = null;
  for (const [place, item] of points.entries()) {
    const accuracy = number(item, "accuracy");
    const last = place === points.length - 1;
    if (accuracy && (last || item.dataset.coarse)) {
      L.circle(at(item), { radius: accuracy, className: last ? `disc${old}` : "disc", interactive: false }).addTo(people);
    }
    if (before) {
      L.polyline([at(before), at(item)], { className: item.dataset.gap ? "track unknown" : "track", interactive: false }).addTo(people);
    }
    L.circleMarker(at(item), { radius: last ? 9 : 5, className: "dot" }).bindTooltip(item.dataset.say).addTo(people);
    before = item;
  }
  const seen = newest && map.getBounds().contains(newest);
  newest = before && at(before);
  if (move && seen && newest && !map.getBounds().contains(newest)) map.panTo(newest, { animate: false });
}

// Each part as the gateway sends it; what is not allowed any more is not in it, and goes at once.
function takeWay(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of way.querySelectorAll("[data-part]")) {
    const next = page.getElementById(part.id);
    if (!next || shown.get(part.id) === next.innerHTML) continue;
    shown.set(part.id, next.innerHTML);
    const focused = part.contains(document.activeElement) ? document.activeElement.matches("summary") : null;
    const open = part.querySelector("details")?.open;
    part.replaceChildren(...next.childNodes);
    const list = part.querySelector("details");
    if (list && open !== undefined) list.open = open;
    if (focused !== null) ((focused && list?.firstElementChild) || document.getElementById("main")).focus({ preventScroll: true });
  }
  follow(true);
}

if (spots) {
  show();
  fit(map, people.getLayers().length ? [people] : [zones]);
  news();
  for (const touch of ["pointerdown", "wheel", "keydown"]) {
    box.addEventListener(touch, () => { touched = performance.now(); }, { capture: true, passive: true });
  }
  setInterval(look, 1_000);
  spots.addEventListener("click", (event) => {
    const marker = pins.get(event.target.closest("[data-find]")?.dataset.find);
    if (!marker) return;
    map.setView(marker.getLatLng(), Math.max(map.getZoom(), 17), { animate: false });
    marker.openPopup();
    box.scrollIntoView({ block: "nearest" });
  });
  fresh(spots, {
    take,
    stale(yes) { document.getElementById("stale").hidden = !yes; },
  });
} else if (way) {
  follow(false);
  fit(map, people.getLayers().length ? [people] : [zones]);
  fresh(way, {
    take: takeWay,
    stale(yes) { document.getElementById("stale").hidden = !yes; },
    signedOut() { location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`); },
    outdated() { location.reload(); },
  });
} else {
  fit(map, [zones]);
}
