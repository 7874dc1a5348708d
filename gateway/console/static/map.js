// The map of all, of one resident's day, and of the zones: drawn from the list that the page has anyway.
/* global L */
import { draw, fit, ground, near } from "./ground.js";
import { fresh } from "./fresh.js";
import { grouped, pin } from "./pins.js";

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
  return near(map, [number(item, "lat"), number(item, "lon")]);
}

// What is to be seen of a position at first: a telephone mast's disc of kilometres would make a dot of all others.
function reach(item, most = 500) {
  const place = at(item);
  return { getBounds: () => place.toBounds(2 * Math.min(number(item, "accuracy") ?? 0, most)) };
}

const located = () => [...spots.querySelectorAll("li[data-lon]")];

function show() {
  const open = [...pins].find(([, marker]) => marker.isPopupOpen());
  const words = open?.[1].getPopup().getElement().querySelector(".leaflet-popup-content");
  const read = words && { top: words.scrollTop, door: [...words.querySelectorAll("a")].indexOf(document.activeElement),
    in: words.contains(document.activeElement) };
  const focused = document.activeElement?.closest?.(".pin")?.dataset.spot;
  people.clearLayers();
  pins = new Map();
  const items = located();
  for (const item of items) {
    const accuracy = number(item, "accuracy");
    if (accuracy) {
      L.circle(at(item), { radius: accuracy, className: `disc ${item.dataset.look}`, interactive: false }).addTo(people);
    }
  }
  for (const group of grouped(items, (item) => map.latLngToLayerPoint(at(item)))) {
    const marker = pin(group, at(group[0]), spots.dataset.here, box.clientWidth).addTo(people);
    marker.getElement().dataset.spot = group[0].id;
    for (const item of group) pins.set(item.id, marker);
  }
  for (const button of spots.querySelectorAll("[data-find]")) button.hidden = false;
  if (focused) pins.get(focused)?.getElement().focus({ preventScroll: true });
  if (open && pins.has(open[0])) again(pins.get(open[0]), read);
}

// What somebody reads stays open where it was, and the map where they moved it.
function again(marker, read) {
  const popup = marker.getPopup();
  popup.options.autoPan = false;
  marker.openPopup();
  popup.options.autoPan = true;
  const words = popup.getElement().querySelector(".leaflet-popup-content");
  words.scrollTop = read.top;
  if (read.in) (words.querySelectorAll("a")[read.door] ?? words.firstElementChild).focus({ preventScroll: true });
}

// An alarm that comes outside of what is seen is brought into view, as soon as nobody's hand is on the map.
const HANDS_OFF_MS = 10_000;
const urgent = (item) => /\b(high|medium)\b/.test(item.dataset.look);
let touched = -HANDS_OFF_MS;
let told = new Set();
let unseen = [];

function news() {
  const alarms = located().filter(urgent);
  unseen = [...unseen.map(({ id }) => document.getElementById(id)).filter((item) => alarms.includes(item)),
    ...alarms.filter(({ id }) => !told.has(id))];
  told = new Set(alarms.map(({ id }) => id));
  look();
}

function look() {
  if (!unseen.length || performance.now() - touched < HANDS_OFF_MS) return;
  const out = unseen.filter((item) => !map.getBounds().contains(at(item)));
  unseen = [];
  if (out.length) fit(map, [...out.map((item) => reach(item, 0)), { getBounds: () => map.getBounds() }]);
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
  fit(map, located().length ? located().map((item) => reach(item)) : [zones]);
  show();
  news();
  map.on("zoomend", show); // who lay on each other may be apart now
  map.on("popupopen", ({ popup }) => {
    if (document.activeElement?.matches(".pin")) popup.getElement().querySelector("[tabindex]").focus({ preventScroll: true });
  });
  box.addEventListener("keydown", (event) => {
    const marker = event.key === "Escape" && [...pins.values()].find((one) => one.isPopupOpen());
    if (!marker) return;
    marker.closePopup();
    marker.getElement().focus({ preventScroll: true });
  });
  for (const touch of ["pointerdown", "wheel", "keydown"]) {
    box.addEventListener(touch, () => { touched = performance.now(); }, { capture: true, passive: true });
  }
  setInterval(look, 1_000);
  spots.addEventListener("click", (event) => {
    const sought = event.target.closest("[data-find]")?.dataset.find;
    if (!pins.has(sought)) return;
    map.setView(at(document.getElementById(sought)), Math.max(map.getZoom(), 17), { animate: false });
    const marker = pins.get(sought); // the pins of this scale
    marker.openPopup();
    box.scrollIntoView({ block: "nearest" });
    const words = marker.getPopup().getElement().querySelector(".leaflet-popup-content");
    const one = words.querySelector(`[data-of="${CSS.escape(sought)}"]`);
    words.scrollTop += one.getBoundingClientRect().top - words.getBoundingClientRect().top;
  });
  fresh(spots, {
    take,
    stale(yes) { document.getElementById("stale").hidden = !yes; },
  });
} else if (way) {
  follow(false);
  const points = [...way.querySelectorAll("li[data-lon]")]; // the newest first, whose disc is wholly shown
  fit(map, points.length ? points.map((item, place) => reach(item, place ? 500 : Infinity)) : [zones]);
  fresh(way, {
    take: takeWay,
    stale(yes) { document.getElementById("stale").hidden = !yes; },
    signedOut() { location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`); },
    outdated() { location.reload(); },
  });
} else {
  fit(map, [zones]);
}
