// Keeps a part of a page fresh: the event stream is a nudge, and what counts is the last fetch that worked.
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;

// part: the element with data-url and data-etag; take(html): puts a new one in; stale(bool): told when that changes.
// May be missing: good(), signedOut(), and outdated(), for a page with data-version. Returns what asks at once.
export function fresh(part, { take, stale, good: worked, signedOut, outdated }) {
  const chip = document.getElementById("chip");
  let good = Date.now();
  let running = false;
  let again = false;
  let was = null;

  async function refresh() {
    if (running) {
      again = true;
      return;
    }
    running = true;
    try {
      const response = await fetch(part.dataset.url, { headers: { "If-None-Match": part.dataset.etag }, cache: "no-store",
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (response.status === 401) {
        if (signedOut) signedOut();
        else location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
        return;
      }
      if (response.status !== 304) {
        if (!response.ok) return;
        take(await response.text());
        part.dataset.etag = response.headers.get("ETag") ?? "";
      }
      good = Date.now();
      const version = response.headers.get("Telecare-Version");
      if (version && version !== part.dataset.version) outdated?.();
      worked?.();
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
  beats.addEventListener("beat", ({ data }) => {
    if (data === part.dataset.beat) return; // nothing has changed since the page was made
    part.dataset.beat = data;
    refresh();
  });
  addEventListener("online", refresh);
  addEventListener("pagehide", () => beats.close());
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  setInterval(() => {
    paint();
    if (Date.now() - good >= POLL_MS) refresh();
  }, 1_000);
  paint();
  return refresh;
}
