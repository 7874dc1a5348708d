// Messages on this phone, its sound, and what works without a connection.
import * as sound from "./sound.js";

sound.start();

const state = document.getElementById("push-state");
const on = document.getElementById("push-on");
const off = document.getElementById("push-off");
const offline = document.getElementById("offline-state");

const able = Boolean(navigator.serviceWorker);
const worker = able ? register() : Promise.reject(new Error("no service worker"));
worker.then(() => say(offline, "ready"), () => say(offline, "not"));

async function register() {
  const lang = encodeURIComponent(document.documentElement.lang);
  await navigator.serviceWorker.register(`/sw.js?lang=${lang}`, { scope: "/", updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

function say(place, word) {
  place.textContent = place.dataset[word];
  place.classList.toggle("acknowledged", word === "on" || word === "ready");
}

async function paint() {
  if (!able || !("PushManager" in globalThis) || !("Notification" in globalThis)) return say(state, "none");
  const known = await (await worker).pushManager.getSubscription();
  const allowed = Notification.permission === "granted";
  // the browser may know of a subscription of whoever used this phone before, or of one that the gateway gave up
  const mine = known && allowed && (await (await post("/api/push/check", { endpoint: known.endpoint })).json()).mine;
  on.hidden = Boolean(mine) || Notification.permission === "denied";
  off.hidden = !mine;
  say(state, Notification.permission === "denied" ? "denied" : mine ? "on" : "off");
}

async function post(url, body) {
  const response = await fetch(url, { method: "POST", credentials: "same-origin", body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout?.(10_000) });
  if (!response.ok) throw new Error(String(response.status));
  return response;
}

async function allow() {
  say(state, "checking");
  try {
    if ((await Notification.requestPermission()) === "granted") {
      const { pushManager } = await worker;
      const given = await pushManager.getSubscription() ??
        await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: state.dataset.key });
      await post("/api/push/subscribe", given);
    }
    await paint();
  } catch {
    say(state, "failed");
  }
}

async function end() {
  say(state, "checking");
  try {
    const known = await (await worker).pushManager.getSubscription();
    if (known) {
      // first the gateway: a browser that it still thinks is there would swallow messages
      await post("/api/push/unsubscribe", { endpoint: known.endpoint });
      await known.unsubscribe();
    }
    await paint();
  } catch {
    say(state, "failed");
  }
}

if (state) {
  on.addEventListener("click", allow);
  off.addEventListener("click", end);
  paint().catch(() => say(state, "failed"));
}

const install = document.getElementById("install");
addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  install.hidden = false;
  install.addEventListener("click", () => event.prompt(), { once: true });
});
addEventListener("appinstalled", () => (install.hidden = true));
