// Delivers answers, again and again until the gateway has said what became of each (docs/console.md).

const PATIENCE_MS = 10_000; // a hanging server is as bad as none
const LONGEST_PAUSE_MS = 8_000;

const box = document.getElementById("queue");
const carer = () => document.body.dataset.carer;
const said = new Map(); // alert id -> {text, done}: what to show beside it
let busy = false;
let pause = 1_000;
let timer = 0;
let signIn = false;
let onDelivered = () => {};

export function start(delivered) {
  onDelivered = delivered;
  document.addEventListener("submit", take);
  addEventListener("online", deliver);
  addEventListener("storage", show); // another tab changed the queue
  show();
  deliver();
}

function take(event) {
  const form = event.target;
  const alert = form.dataset?.queue;
  if (!alert) return;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const id = `${carer()}/${alert}/${body.get("key")}/${body.get("answer")}`;
  try {
    add({ id, alert, carer: carer(), name: document.querySelector(".me")?.textContent ?? carer(), url: form.action,
      body: body.toString(), at: Date.now() });
  } catch {
    return; // no storage: the browser sends the form itself
  }
  event.preventDefault();
  said.delete(alert);
  pause = 1_000;
  deliver();
  show();
}

// Numbers of the alerts that this carer goes for, or has closed, as far as these answers wait.
export function waiting() {
  const goes = (one) => /^(going|arrive|close)/.test(new URLSearchParams(one.body).get("answer"));
  return new Set(all().filter((one) => one.carer === carer() && goes(one)).map((one) => one.alert));
}

// Something is on its way just now.
export function busyNow() {
  return busy;
}

export async function deliver() {
  clearTimeout(timer);
  if (busy) return;
  busy = true;
  try {
    for (const item of all().filter((one) => one.carer === carer())) {
      if (!(await send(item))) {
        // Some hurry at first, then less; a jump to the front comes with "online" and with each good fetch.
        if (!signIn) {
          timer = setTimeout(deliver, pause);
          pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
        }
        return;
      }
      pause = 1_000;
    }
  } finally {
    busy = false;
    show();
  }
  if (all().some((one) => one.carer === carer())) deliver(); // tapped while we were sending
}

// True: settled, one way or the other. False: it stays in the queue.
async function send(item) {
  const body = new URLSearchParams(item.body);
  body.set("age_s", String(Math.max(0, Math.round((Date.now() - item.at) / 1000))));
  let response, told;
  try {
    response = await fetch(item.url, { method: "POST", body, credentials: "same-origin", redirect: "error",
      headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) });
    told = await response.json();
  } catch {
    return false; // no connection, no answer in time, or something in between that is not the gateway
  }
  signIn = response.status === 401;
  if (signIn || response.status === 429 || response.status >= 500) return false;
  remove(item.id);
  said.set(item.alert, { text: response.ok ? box.dataset.sent : told.detail, done: response.ok });
  onDelivered(item.alert, response.ok, told);
  return true;
}

// Show beside each alert, and above all of them, what became of the answers.
export function show() {
  const waiting = all();
  const mine = waiting.filter((one) => one.carer === carer());
  const word = busy && pause === 1_000 ? box.dataset.sending : box.dataset.waiting;
  for (const place of document.querySelectorAll("[data-sent]:not(#queue)")) {
    const own = mine.some((one) => one.alert === place.dataset.sent);
    const news = said.get(place.dataset.sent);
    const text = own ? word : (news?.text ?? "");
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
    place.classList.toggle("done", !own && Boolean(news?.done));
  }
  box.replaceChildren(...lines(mine, waiting.find((one) => one.carer !== carer()), word));
  box.hidden = !box.hasChildNodes();
}

function lines(mine, other, word) {
  if (mine.length && signIn) {
    const link = document.createElement("a");
    link.href = "/sign-in?next=/";
    link.textContent = box.dataset.signInWord;
    return [box.dataset.signIn, " ", link];
  }
  const gone = mine.filter((one) => !document.getElementById(`a${one.alert}`));
  if (gone.length) return [word];
  return other ? [box.dataset.other.replaceAll("{name}", other.name)] : [];
}

const NAME = "telecare-answers";

function all() {
  try {
    const list = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // damaged, or storage is off
  }
}

function save(list) {
  localStorage.setItem(NAME, JSON.stringify(list));
}

// The same tap twice is one answer. Throws when the storage is full or off: then the plain form is sent.
function add(item) {
  const list = all();
  if (!list.some((other) => other.id === item.id)) save([...list, item]);
}

function remove(id) {
  save(all().filter((item) => item.id !== id));
}
