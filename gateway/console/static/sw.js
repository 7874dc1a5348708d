// The service worker: the board's page for when there is no connection, and messages that come while no page is open.
// STATIC, LANGUAGE, FILES and WORDS are put before it by the gateway. It keeps nothing but our own files and the empty
// page; the one picture of the board is kept by the page itself (picture.js) and thrown away here.
const SHELL = `/shell?lang=${LANGUAGE}&of=${STATIC}`;
const CACHE = `telecare ${STATIC} ${LANGUAGE}`; // all of one version, or nothing of it
const PICTURE = "telecare-picture";
// The board, and what is reached by a tap on it. The picture has names in it: no wall screen and no link's page shows it.
const OURS = /^\/($|alerts\/)/;
const PATIENCE_MS = 6_000; // a hanging server is as bad as none

addEventListener("install", (event) => {
  // addAll takes all or none: the page and its files are of one version, also when the gateway is renewed meanwhile
  event.waitUntil(keep().then(() => skipWaiting()));
});

async function keep() {
  const cache = await caches.open(CACHE);
  await cache.addAll([SHELL, ...FILES]);
  // something in between may have answered, kindly and with its own page
  const html = await Promise.all(FILES.map(async (name) => (await cache.match(name)).headers.get("content-type") ?? ""));
  if (ours(await cache.match(SHELL)) && !html.some((type) => type.startsWith("text/html"))) return;
  await caches.delete(CACHE);
  throw new Error("these are not the gateway's files");
}

// The gateway itself answered. Where a navigation is led to nobody can see into; the browser follows.
const ours = (response) => response.type === "opaqueredirect" || response.headers.has("Telecare-Version");

addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name !== CACHE && name !== PICTURE) await caches.delete(name);
    await clients.claim();
  })());
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  // Whoever is asked to sign in is signed out; what they saw is not for the next one. The answers' queue stays.
  if (url.pathname === "/sign-out" || url.pathname === "/sign-in") event.waitUntil(caches.delete(PICTURE));
  if (url.pathname === "/sign-out" && request.method === "POST") event.respondWith(leave(request));
  if (request.method !== "GET") return;
  if (FILES.includes(url.pathname)) event.respondWith(file(request));
  else if (request.mode === "navigate" && OURS.test(url.pathname)) event.respondWith(page(request));
});

// Who signs out takes their messages along: the next one at this phone must neither read them nor answer in their name.
async function leave(request) {
  const ended = await noMessages().catch(() => false);
  const answer = await fetch(request);
  return ended && answer.type === "opaqueredirect" ? Response.redirect("/sign-in?messages=ended", 303) : answer;
}

async function noMessages() {
  const known = await registration.pushManager.getSubscription();
  if (!known) return false;
  const { endpoint } = known;
  // those of somebody else go on: who lends a phone for a moment is still to be told
  if (!(await (await post("/api/push/check", { endpoint })).json()).mine) return false;
  if (!(await post("/api/push/unsubscribe", { endpoint })).ok) return false;
  for (const shown of await registration.getNotifications()) shown.close();
  await known.unsubscribe();
  return true;
}

async function file(request) {
  const kept = await (await caches.open(CACHE)).match(request);
  return kept ?? fetch(request);
}

// Always from the gateway when it answers; the kept page when it does not, or when something in between says so.
async function page(request) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const answer = await fetch(request, { signal: patience.signal });
    if (ours(answer)) return answer;
    return (await (await caches.open(CACHE)).match(SHELL)) ?? answer;
  } catch (error) {
    const shell = await (await caches.open(CACHE)).match(SHELL);
    if (shell) return shell;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

// The gateway wrote the text: what may stand on a lock screen, and no more.
addEventListener("push", (event) => {
  let told;
  try {
    told = event.data.json();
  } catch {
    return;
  }
  const urgent = told.urgency >= 4;
  event.waitUntil(registration.showNotification(told.title, {
    body: told.body, tag: told.tag, lang: LANGUAGE, icon: `${STATIC}/icon-192.png`, badge: `${STATIC}/icon-192.png`,
    renotify: Boolean(told.tag), requireInteraction: urgent, vibrate: urgent ? [400, 150, 400, 150, 400] : [200],
    actions: told.actions ?? [], data: { url: told.url, tag: told.tag },
  }));
});

addEventListener("notificationclick", (event) => {
  const { notification, action } = event;
  notification.close();
  const url = new URL(notification.data?.url || "/", location.origin);
  if (url.origin !== location.origin) {
    event.waitUntil(clients.openWindow(url)); // the gateway is known by another address than this page's
    return;
  }
  event.waitUntil(action ? answer(url, action, notification) : show(url));
});

// "Going" from the lock screen. Nothing says that it was taken until the gateway said so; otherwise its page opens.
async function answer(url, action, notification) {
  try {
    const told = await fetch(url, { method: "POST", body: new URLSearchParams({ answer: action }),
      credentials: "same-origin", headers: { Accept: "text/html" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!told.ok || !ours(told)) throw new Error(String(told.status));
  } catch {
    return registration.showNotification(WORDS.failed, { body: notification.body, tag: notification.data.tag, lang: LANGUAGE,
      icon: `${STATIC}/icon-192.png`, requireInteraction: true, data: notification.data });
  }
  return registration.showNotification(WORDS.taken, { body: notification.title, tag: notification.data.tag, lang: LANGUAGE,
    icon: `${STATIC}/icon-192.png`, silent: true, data: notification.data });
}

async function show(url) {
  const open = await clients.matchAll({ type: "window" });
  const here = open.find((one) => new URL(one.url).pathname === url.pathname);
  return here ? here.focus() : clients.openWindow(url);
}

addEventListener("pushsubscriptionchange", (event) => {
  event.waitUntil((async () => {
    const { key } = await (await fetch("/api/push/key", { credentials: "same-origin" })).json();
    if (!key) return;
    const fresh = event.newSubscription
      ?? await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
    await post("/api/push/subscribe", fresh.toJSON());
    const old = event.oldSubscription?.endpoint;
    if (old && old !== fresh.endpoint) await post("/api/push/unsubscribe", { endpoint: old });
  })());
});

function post(url, body) {
  return fetch(url, { method: "POST", credentials: "same-origin", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout?.(PATIENCE_MS) });
}
