// Keeps the board fresh. The event stream is only a nudge; what counts is the last fetch that worked (docs/console.md).
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;
const CALM_MS = 10_000; // nobody is signed in: that does not change each second

const chip = document.getElementById("chip");
const { dataset } = document.getElementById("alerts");
const { carer } = document.body.dataset;
let etag = dataset.etag;
let beat = dataset.beat;
let good;
let goodAt;
let shown;
let running = false;
let again = false;
let handlers;
let beats;
let crowded = false; // streams hold all connections of the browser to us: no other one is opened
let calm = 0;

// handlers: {fragment(html), good(response), signedOut()}, and as far as wanted {lifted(), stale(), outdated()}
export function start(given) {
  handlers = given;
  worked();
  listen();
  addEventListener("online", refresh);
  addEventListener("pagehide", () => beats.close());
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    crowded = false;
    if (beats.readyState === 2) listen();
    refresh();
  });
  setInterval(() => {
    if (!document.hidden) paint(); // hidden tabs count once a minute: what counts is what the next fetch says
    if (age() >= POLL_MS && performance.now() > calm) refresh();
  }, 1_000);
  paint();
}

function listen() {
  beats = new EventSource("/beats");
  beats.addEventListener("beat", ({ data }) => {
    if (data === beat) return; // nothing changed since the page was made; silence is what the poll is for
    beat = data;
    refresh();
  });
}

function worked() {
  good = performance.now();
  goodAt = Date.now();
}

// A clock that is set back can't make it young, and a device that slept (its performance.now() may stand still) neither.
function age() {
  return Math.max(performance.now() - good, Date.now() - goodAt);
}

export async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  try {
    const response = await fetch(dataset.from, { headers: { "If-None-Match": etag }, cache: "no-store",
      credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout?.(PATIENCE_MS) });
    const { headers, status } = response;
    if (!headers.has("Telecare-Version")) return; // something in between, which says nothing of the alerts
    if (status === 401) {
      calm = performance.now() + CALM_MS;
      return handlers.signedOut();
    }
    if (status !== 304 && !response.ok) return;
    // Somebody else has signed in, in another tab: nothing of theirs belongs into this page.
    if (carer && headers.get("Telecare-Carer") !== carer) return location.reload();
    if (status !== 304) {
      const html = await response.text();
      await handlers.lifted?.();
      handlers.fragment(html);
      etag = headers.get("ETag") ?? "";
    }
    worked();
    if (beats.readyState === 2 && !crowded) listen(); // something in between ended it for good
    // The gateway was renewed: a picture of the new one and scripts of the old one don't belong together.
    if (headers.get("Telecare-Version") !== dataset.version) handlers.outdated?.();
    handlers.good(response);
  } catch (error) {
    // The chip tells. A browser keeps six connections to a host, for all its tabs: streams may hold them all.
    if (error.name === "TimeoutError" || error.name === "AbortError") {
      crowded = true;
      beats.close();
    }
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
  const live = age() < STALE_MS;
  const text = live ? chip.dataset.live : chip.dataset.stale.replace("{time}", timeOf(goodAt));
  if (chip.textContent !== text) chip.textContent = text;
  chip.classList.toggle("live", live);
  chip.classList.toggle("stale", !live);
  if (live !== shown) handlers.stale?.(!live);
  shown = live;
}
