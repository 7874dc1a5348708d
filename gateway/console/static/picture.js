// The last picture of the board on this device, for when there is no connection: one, of the carer who saw it last.
// The service worker throws it away at sign-out. Where there is no service worker (plain HTTP) nothing is kept.
const CACHE = "telecare-picture";
const AT = "/last-picture";
const LONGEST_MS = 12 * 3_600_000; // as long as a session

// Here and not in the board's own script, which every first look waits for.
const lang = encodeURIComponent(document.documentElement.lang);
navigator.serviceWorker?.register(`/sw.js?lang=${lang}`, { scope: "/", updateViaCache: "none" }).catch(() => {});

let before = "";
let written = 0;

export async function keep(html, at) {
  if (!globalThis.caches || !navigator.serviceWorker?.controller) return;
  if (html === before && Math.abs(at - written) < 10_000) return;
  before = html;
  written = at;
  const body = { html, at, carer: document.body.dataset.carer, name: document.querySelector(".me")?.textContent ?? "",
    address: location.pathname + location.search };
  try {
    await (await caches.open(CACHE)).put(AT, new Response(JSON.stringify(body)));
  } catch {
    // no room: the board works, only not offline
  }
}

// {html, at, carer, name, address}, or null
export async function last() {
  try {
    const found = await (await (await caches.open(CACHE)).match(AT)).json();
    const age = Date.now() - found.at;
    return age >= 0 && age < LONGEST_MS ? found : null;
  } catch {
    return null;
  }
}

export async function forget() {
  await globalThis.caches?.delete(CACHE);
}
