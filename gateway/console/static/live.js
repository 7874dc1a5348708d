// Keeps the board fresh. The event stream is only a nudge; what counts is the last fetch that worked (docs/console.md).
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;
const VERSION = "Telecare-Version";

const chip = document.getElementById("chip");
const { dataset } = document.getElementById("alerts");
let etag = dataset.etag;
let beat = dataset.beat;
let good = Date.now();
let shown;
let running = false;
let again = false;
let handlers;

// handlers: {fragment(html), good(), signedOut(), stale(), outdated()}; stale and outdated may be missing
export function start(given) {
  handlers = given;
  const beats = new EventSource("/beats");
  beats.addEventListener("beat", ({ data }) => {
    if (data === beat) return; // nothing changed since the page was made; silence is what the poll is for
    beat = data;
    refresh();
  });
  addEventListener("online", refresh);
  addEventListener("pagehide", () => beats.close());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  setInterval(() => {
    paint();
    if (Date.now() - good >= POLL_MS) refresh();
  }, 1_000);
  paint();
}

export async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const response = await fetch(dataset.from, { headers: { "If-None-Match": etag }, cache: "no-store",
      credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status === 401) return handlers.signedOut();
    if (response.status !== 304) {
      if (!response.ok) return;
      handlers.fragment(await response.text());
      etag = response.headers.get("ETag") ?? "";
    }
    good = Date.now();
    // The gateway was renewed: a picture of the new one and scripts of the old one don't belong together.
    if (response.headers.get(VERSION) !== dataset.version) handlers.outdated?.();
    handlers.good();
  } catch {
    // the chip tells
  } finally {
    running = false;
    paint();
    if (again) {
      again = false;
      refresh();
    }
  }
}

function timeOf(ms) {
  const lang = document.documentElement.lang.replace(/^en$/, "en-GB"); // 24 hours, as everywhere else on the page
  return new Date(ms).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
}

function paint() {
  const live = Date.now() - good < STALE_MS;
  const text = live ? chip.dataset.live : chip.dataset.stale.replace("{time}", timeOf(good));
  if (chip.textContent !== text) chip.textContent = text;
  chip.classList.toggle("live", live);
  chip.classList.toggle("stale", !live);
  if (live !== shown) handlers.stale?.(!live);
  shown = live;
}
