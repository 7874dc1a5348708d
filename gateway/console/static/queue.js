// Delivers answers, again and again until the gateway has said what became of each (docs/console.md).

const PATIENCE_MS = 10_000; // a hanging server is as bad as none
const LONGEST_PAUSE_MS = 8_000;
const QUIET_MS = 60_000; // an answer that waits for longer is none, and somebody has to call

const box = document.getElementById("queue");
const words = box?.dataset ?? {};
const carer = () => document.body.dataset.carer;
const said = new Map(); // alert id -> {text, done, version}: what to show beside it
const failed = new Set(); // alerts whose answers the gateway (or something before it) refuses to take just now
let busy = false;
let pause = 1_000;
let timer = 0;
let signIn = false;
let onDelivered = () => {};
let steady = (change) => change();
const pressed = new Set(); // fingers, and the space bar

// Waits until no finger is on the page: a button that is replaced between its being pressed and let go is never tapped.
export async function lifted() {
  // who rests on it waits for nothing
  for (let left = 24; pressed.size && left; left--) await new Promise((go) => setTimeout(go, 50));
}

function press() {
  const on = (event) => pressed.add(event.pointerId ?? event.code);
  const off = (event) => setTimeout(() => pressed.delete(event.pointerId ?? event.code), 50); // the click comes after it
  addEventListener("pointerdown", on, true);
  for (const end of ["pointerup", "pointercancel", "keyup"]) addEventListener(end, off, true);
  addEventListener("keydown", (event) => {
    if (event.code === "Space") on(event);
    // a key that is held is one answer, and not one after the other
    if (event.repeat && event.target.closest?.("button")) event.preventDefault();
  }, true);
  addEventListener("blur", () => pressed.clear());
}

// through(change): does what makes the page longer or shorter, but not under somebody's finger.
export function start(delivered, through = steady) {
  onDelivered = delivered;
  steady = through;
  press();
  document.addEventListener("submit", take);
  addEventListener("online", deliver);
  addEventListener("storage", paint); // another tab changed the queue
  setInterval(paint, 5_000);
  paint();
  deliver();
}

function take(event) {
  const form = event.target;
  const alert = form.dataset?.queue;
  if (!alert) return;
  const data = new FormData(form);
  const { submitter } = event;
  if (submitter?.name) data.set(submitter.name, submitter.value);
  if (!submitter && !data.has("answer")) return; // an old browser does not say which button: it sends the form itself
  const body = new URLSearchParams(data);
  // the page may be left open while somebody else signs in: the answer says whose it is
  body.set("carer", carer());
  const id = `${carer()}/${alert}/${body.get("key")}/${body.get("answer")}`;
  add({ id, alert, carer: carer(), name: document.querySelector(".me")?.textContent ?? carer(), url: form.action,
    body: body.toString(), at: Date.now(), then: counted() });
  event.preventDefault();
  said.delete(alert);
  failed.delete(alert);
  pause = 1_000;
  deliver();
  paint();
}

// A check-off of a round (no number of an alert) rings for nobody, and lets the alerts' answers go first.
const calm = ({ alert }) => isNaN(alert);
const mine = () => all().filter((one) => one.carer === carer()).sort((one, other) => calm(one) - calm(other));

// A clock that nobody sets while the page stands.
const counted = () => performance.timeOrigin + performance.now();

// How long ago it was tapped. A clock that is set back makes nothing young, and what lies ahead is as old as can be.
function age(one) {
  const ms = Math.max(Date.now() - one.at, counted() - (one.then ?? one.at));
  return ms < 0 ? 1e9 : ms;
}

function late(one) {
  return !calm(one) && (age(one) > QUIET_MS || failed.has(one.alert));
}

// Numbers of the alerts that this carer goes for, or has closed, as far as these answers wait, and not for long.
export function waiting() {
  const goes = (one) => /^(going|arrive|close)/.test(new URLSearchParams(one.body).get("answer"));
  return new Set(mine().filter((one) => goes(one) && !late(one)).map((one) => one.alert));
}

// Answers of this carer wait.
export function owes() {
  return mine().length > 0;
}

// Something is on its way just now.
export function busyNow() {
  return busy;
}

export async function deliver() {
  clearTimeout(timer);
  if (busy) return;
  busy = true;
  const behind = new Set(); // alerts that have to wait; those of another one need not
  let stopped = false;
  try {
    for (const item of mine()) {
      if (behind.has(item.alert)) continue;
      const settled = await send(item);
      if (settled) continue;
      behind.add(item.alert);
      if (settled === null) {
        stopped = true;
        break;
      }
    }
  } finally {
    busy = false;
    paint();
  }
  if (!behind.size) {
    pause = 1_000;
    if (mine().length) deliver(); // tapped while we were sending
  } else if (!signIn) {
    // Some hurry at first, then less; a jump to the front comes with "online" and with each good fetch.
    timer = setTimeout(deliver, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

// True: settled, one way or the other. False: it stays in the queue. null: it stays, and so do all others.
async function send(item) {
  const body = new URLSearchParams(item.body);
  body.set("age_s", String(Math.round(age(item) / 1000)));
  body.set("carer", item.carer);
  let response, told;
  try {
    response = await fetch(item.url, { method: "POST", body, credentials: "same-origin", redirect: "error",
      headers: { Accept: "application/json" }, signal: AbortSignal.timeout?.(PATIENCE_MS) });
  } catch {
    return null; // no connection, or no answer in time
  }
  const { ok, status, headers } = response;
  // Only the gateway itself says what became of it, and nothing in between.
  if (headers.has("Telecare-Version")) told = await response.json().catch(() => null);
  signIn = Boolean(told) && (status === 401 || told.type === "/problems/other-carer");
  if (signIn) {
    if (status !== 401) location.reload(); // somebody else has signed in
    return null;
  }
  if (!told || status === 429 || status >= 500) {
    failed.add(item.alert);
    return false;
  }
  failed.delete(item.alert);
  remove(item);
  said.set(item.alert, { text: ok ? words.sent : told.detail, done: ok, version: told.version });
  onDelivered(item.alert, ok, told, new URLSearchParams(item.body).get("note") ?? "");
  return true;
}

function paint() {
  steady(show);
}

// Show beside each alert, and above all of them, what became of the answers.
export function show() {
  const waiting = mine();
  const word = (one) => late(one) ? words.failed : busy && pause === 1_000 ? words.sending : words.waiting;
  for (const place of document.querySelectorAll("[data-sent]:not(#queue)")) {
    const { sent } = place.dataset;
    const own = waiting.find((one) => one.alert === sent);
    const news = said.get(sent);
    // what was said is about the alert as it was then
    const now = place.closest("[data-v]")?.dataset.v.split("-")[1];
    if (Number(now) > news?.version) said.delete(sent);
    const text = own ? word(own) : (said.get(sent)?.text ?? "");
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
    place.classList.toggle("wait", Boolean(own && !late(own)));
    place.classList.toggle("failed", Boolean(own && late(own)));
    place.classList.toggle("done", !own && Boolean(said.get(sent)?.done));
  }
  box.replaceChildren(...lines(waiting, word));
  box.classList.toggle("failed", waiting.some(late));
  box.hidden = !box.hasChildNodes();
}

function lines(waiting, word) {
  if (waiting.length && signIn) {
    const link = document.createElement("a");
    link.href = "/sign-in?next=/";
    link.textContent = words.signInWord;
    return [words.signIn, " ", link];
  }
  const told = waiting.find((one) => late(one) || !document.getElementById(`a${one.alert}`));
  if (told) return [word(told)];
  const other = all().find((one) => one.carer !== carer());
  return other ? [words.other.replaceAll("{name}", other.name)] : [];
}

const NAME = "telecare-answers";

let spare = null; // all of it, where nothing can be stored: as long as the page stands

function all() {
  if (spare) return spare;
  try {
    const list = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // damaged, or storage is off
  }
}

function save(list) {
  try {
    localStorage.setItem(NAME, JSON.stringify(list));
    spare = null;
  } catch {
    spare = list;
  }
}

// The same tap twice is one answer, and a correction takes the place of what it corrects.
function add(item) {
  const list = all();
  const known = list.findIndex((other) => other.id === item.id);
  if (known < 0) list.push(item);
  else if (list[known].body !== item.body) list[known] = item;
  save(list);
}

function remove(item) {
  save(all().filter(({ id, body }) => id !== item.id || body !== item.body));
}
