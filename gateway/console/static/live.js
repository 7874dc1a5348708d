// Keeps the board fresh. The event stream is only a nudge; what counts is the last fetch that worked,
// and the chip says so: the stream can be dead or a proxy can hold it back without anybody noticing.
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;

const chip = document.getElementById("chip");
let etag = document.getElementById("alerts").dataset.etag;
let good = Date.now();
let running = false;
let again = false;
let handlers;

// handlers: {fragment(html), good(), signedOut()}
export function start(given) {
  handlers = given;
  const beats = new EventSource("/beats");
  beats.addEventListener("beat", refresh);
  addEventListener("online", refresh);
  addEventListener("pagehide", () => beats.close());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  setInterval(() => {
    paint();
    if (Date.now() - good >= POLL_MS) refresh();
  }, 1_000);
  paint();
  refresh();
}

export async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const response = await fetch("/board", { headers: { "If-None-Match": etag }, cache: "no-store",
      credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.status === 401) return handlers.signedOut();
    if (response.status !== 304) {
      if (!response.ok) return;
      handlers.fragment(await response.text());
      etag = response.headers.get("ETag") ?? "";
    }
    good = Date.now();
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

function paint() {
  const live = Date.now() - good < STALE_MS;
  const lang = document.documentElement.lang.replace(/^en$/, "en-GB"); // 24 hours, as everywhere else on the page
  const time = new Date(good).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
  const text = live ? chip.dataset.live : chip.dataset.stale.replace("{time}", time);
  if (chip.textContent !== text) chip.textContent = text;
  chip.classList.toggle("live", live);
  chip.classList.toggle("stale", !live);
}
