// Keeps a part of a page fresh: the event stream is a nudge, and what counts is the last fetch that worked.
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;

// part: the element with data-url and data-etag; take(html): puts a new one in; stale(bool): told when that changes.
export function fresh(part, { take, stale }) {
  const chip = document.getElementById("chip");
  let good = Date.now();
  let running = false;
  let was = null;

  async function refresh() {
    if (running) return;
    running = true;
    try {
      const response = await fetch(part.dataset.url, { headers: { "If-None-Match": part.dataset.etag }, cache: "no-store",
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (response.status === 401) {
        location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
        return;
      }
      if (response.status !== 304) {
        if (!response.ok) return;
        take(await response.text());
        part.dataset.etag = response.headers.get("ETag") ?? "";
      }
      good = Date.now();
    } catch {
      // the chip tells
    } finally {
      running = false;
      paint();
    }
  }

  function paint() {
    const live = Date.now() - good < STALE_MS;
    const lang = document.documentElement.lang.replace(/^en$/, "en-GB");
    const time = new Date(good).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
    const text = live ? chip.dataset.live : chip.dataset.stale.replace("{time}", time);
    if (chip.textContent !== text) chip.textContent = text;
    chip.classList.toggle("live", live);
    chip.classList.toggle("stale", !live);
    if (was !== live) stale(!live);
    was = live;
  }

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
}
