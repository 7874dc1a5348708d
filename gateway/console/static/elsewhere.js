// On each page that is not the board: what waits there is said at the lower edge, and rings where the sound is on.
import { waiting } from "./queue.js";

const STALE_MS = 13_000; // as live.js has it
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;
const WARDS = "telecare-wards"; // the wards that were chosen on the board of this tab

const { dataset } = document.getElementById("elsewhere");
const title = document.title;
const bar = document.createElement("div");
bar.className = "elsewhere noprint";
bar.setAttribute("role", "alert");

let told = { waiting: [], address: "/" };
let good = performance.now();
let goodAt = Date.now();
let running = false;
let again = false; // something changed while we asked
let gone = false; // nobody is signed in here, or somebody else: that is no reason to ring
let shown = "";
let sound;
let state = "";

function wards() {
  try {
    const from = document.referrer && new URL(document.referrer);
    if (from && from.origin === location.origin && from.pathname === "/") sessionStorage[WARDS] = from.search;
    const chosen = new URLSearchParams(sessionStorage[WARDS]).getAll("ward");
    return new URLSearchParams(chosen.map((ward) => ["ward", ward]));
  } catch {
    return "";
  }
}

const address = `/waiting?${wards()}`;

async function ask() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const response = await fetch(address, { cache: "no-store", credentials: "same-origin", redirect: "error",
      signal: AbortSignal.timeout?.(PATIENCE_MS) });
    const { headers, status } = response;
    if (!headers.has("Telecare-Version")) return; // something in between, which says nothing of the alerts
    gone = status === 401 || (response.ok && headers.get("Telecare-Carer") !== dataset.carer);
    if (gone || !response.ok) return;
    told = await response.json();
    good = performance.now();
    goodAt = Date.now();
  } catch {
    // said below, when it lasts
  } finally {
    running = false;
    paint();
    if (again) {
      again = false;
      ask();
    }
  }
}

// Neither a clock that is set back nor a sleep makes it young.
const age = () => Math.max(performance.now() - good, Date.now() - goodAt);

function paint() {
  const tapped = waiting();
  const open = told.waiting.filter((one) => !tapped.has(String(one.id)));
  const lost = age() >= STALE_MS;
  sound?.ring(gone ? [] : open.map((one) => one.priority), lost && !gone);
  document.title = open.length ? `(${open.length}) ${title}` : title;
  const other = open.filter((one) => !document.getElementById(`a${one.id}`)); // the page itself says the rest
  // a page with a chip says by itself that it is not live
  const since = lost && !document.getElementById("chip") ? dataset.lost.replace("{time}", timeOf(goodAt)) : "";
  const blocked = open.length && state === "blocked" ? told.blocked : "";
  const now = JSON.stringify([other, since, blocked]);
  if (now === shown) return;
  shown = now;
  bar.replaceChildren();
  if (other.length || since) bar.append(door(other, since));
  if (blocked) bar.append(part("button", "", blocked)); // any touch wakes it
  if (!bar.childNodes.length) return bar.remove();
  bar.className = `elsewhere noprint ${other[0]?.priority ?? ""}`;
  if (bar.isConnected) return;
  // no tap that was meant for what it comes to lie over
  bar.classList.add("moved");
  setTimeout(() => bar.classList.remove("moved"), 500);
  document.body.append(bar);
}

function door(other, since) {
  const link = document.createElement("a");
  link.href = told.address;
  if (since) link.append(part("span", "chip stale", since));
  if (other.length) {
    const [{ priority, mark, word }] = other;
    link.append(part("span", `badge ${priority}`, `${mark} ${word}`));
    if (other.length > 1) link.append(part("b", "", `× ${other.length}`));
    link.append(part("span", "nobody", told.nobody));
  }
  if (told.door) link.append(part("span", "door", told.door));
  return link;
}

function part(name, look, text) {
  const made = document.createElement(name);
  made.className = look;
  made.textContent = text;
  return made;
}

function timeOf(ms) {
  const lang = document.documentElement.lang.replace(/^en$/, "en-GB");
  return new Date(ms).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
}

async function bringSound() {
  try {
    sound = await import("./sound.js");
    sound.start((is) => {
      state = is;
      paint();
    });
    paint();
  } catch {
    setTimeout(bringSound, 5_000);
  }
}

try {
  if (document.getElementById("sound") || localStorage["telecare-sound"].includes('"on":true')) bringSound();
} catch {
  // never switched on, or no storage
}
document.addEventListener("telecare-beat", ask);
document.addEventListener("visibilitychange", () => document.hidden || ask());
document.addEventListener("submit", () => setTimeout(paint));
addEventListener("online", ask);
addEventListener("pageshow", ({ persisted }) => persisted && ask());
setInterval(() => running || ask(), POLL_MS);
ask();
