// The last picture of the board on this device, for when there is no connection: one, of the carer who saw it last.
// The service worker throws it away at sign-out. Where there is no service worker (plain HTTP) nothing is kept.
const CACHE = "telecare-picture";
const AT = "/last-picture";
const LONGEST_MS = 12 * 3_600_000; // as long as a session
const APART_MS = 120_000; // so far the clocks of this device and of the gateway may be apart

// Here and not in the board's own script, which every first look waits for.
const lang = encodeURIComponent(document.documentElement.lang);
navigator.serviceWorker?.register(`/sw.js?lang=${lang}`, { scope: "/", updateViaCache: "none" }).catch(() => {});

let before = "";
let written = 0;

// told: the gateway's own time, as its answer has it
export async function keep(html, at, told) {
  if (!globalThis.caches || !navigator.serviceWorker?.controller) return;
  if (html === before && Math.abs(at - written) < 10_000) return;
  before = html;
  written = at;
  const body = { html, at, told: Date.parse(told) || at, carer: document.body.dataset.carer, name: document.querySelector(".me")?.textContent ?? "",
    address: location.pathname + location.search };
  await put(body);
}

async function put(body) {
  try {
    await (await caches.open(CACHE)).put(AT, new Response(JSON.stringify(body)));
  } catch {
    // no room: the board works, only not offline
  }
}

// {html, at, carer, name, address, unsure}, or null. unsure: the clock of this device is, or was, wrong, and nobody
// knows how old it is: an alert of a moment ago is shown nevertheless, but for no longer than any other from then on.
export async function last() {
  try {
    const found = await (await (await caches.open(CACHE)).match(AT)).json();
    const now = Date.now();
    const ages = [now - found.at, now - (found.told ?? found.at)];
    if (!ages.some((age) => Math.abs(age) < LONGEST_MS)) return null;
    if (Math.abs(ages[0] - ages[1]) < APART_MS && ages[0] > -APART_MS) return found;
    found.unsure ??= now;
    await put(found);
    return Math.abs(now - found.unsure) < LONGEST_MS ? found : null;
  } catch {
    return null;
  }
}

export async function forget() {
  await globalThis.caches?.delete(CACHE);
}
