// Keeps a part of a page fresh: the event stream is a nudge, and what counts is the last fetch that worked.
const STALE_MS = 13_000; // shown as stale within 15 s
const POLL_MS = 5_000;
const PATIENCE_MS = 8_000;

// part: the element with data-url and data-etag; take(html): puts a new one in; stale(bool): told when that changes.
// May be missing: good(), lifted(), signedOut() and outdated() (a page with data-version). Returns what asks at once.
export function fresh(part, { take, stale, good: worked, lifted, signedOut, outdated }) {
  const chip = document.getElementById("chip");
  const { carer } = document.body.dataset;
  let good = performance.now();
  let goodAt = Date.now();
  let beats;
  let crowded = false; // streams hold all connections of the browser to us: no other one is opened
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
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout?.(PATIENCE_MS) });
      const version = response.headers.get("Telecare-Version");
      if (!version) return; // something in between answers in the gateway's place
      if (response.status === 401) {
        if (signedOut) signedOut();
        else location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
        return;
      }
      if (response.status !== 304 && !response.ok) return;
      // Somebody else has signed in, in another tab: nothing of theirs belongs into this page.
      if (carer && response.headers.get("Telecare-Carer") !== carer) return location.reload();
      if (response.status !== 304) {
        const html = await response.text();
        await lifted?.();
        take(html);
        part.dataset.etag = response.headers.get("ETag") ?? "";
      }
      good = performance.now();
      goodAt = Date.now();
      if (beats.readyState === 2 && !crowded) listen(); // something in between ended it for good
      if (version !== part.dataset.version) outdated?.();
      if (response.headers.has("Telecare-Ends")) import("./until.js").catch(() => {});
      worked?.();
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

  // As in live.js: neither a clock that is set back nor a sleep makes it young.
  const age = () => Math.max(performance.now() - good, Date.now() - goodAt);

  function paint() {
    const live = age() < STALE_MS;
    const lang = document.documentElement.lang.replace(/^en$/, "en-GB");
    const time = new Date(goodAt).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
    const text = live ? chip.dataset.live : chip.dataset.stale.replace("{time}", time);
    if (chip.textContent !== text) chip.textContent = text;
    chip.classList.toggle("live", live);
    chip.classList.toggle("stale", !live);
    if (was !== live) stale(!live);
    was = live;
  }

  function listen() {
    beats = new EventSource("/beats");
    beats.addEventListener("beat", ({ data }) => {
      if (data === part.dataset.beat) return; // nothing has changed since the page was made
      part.dataset.beat = data;
      document.dispatchEvent(new Event("telecare-beat")); // for elsewhere.js
      refresh();
    });
  }

  listen();
  addEventListener("online", refresh);
  addEventListener("pagehide", () => beats.close());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    crowded = false;
    if (beats.readyState === 2) listen();
    refresh();
  });
  setInterval(() => {
    if (!document.hidden) paint(); // hidden tabs count once a minute: what counts is what the next fetch says
    if (age() >= POLL_MS) refresh();
  }, 1_000);
  paint();
  return refresh;
}
