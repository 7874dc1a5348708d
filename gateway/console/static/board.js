// The board: takes in fresh fragments row by row, so that a half-written note, the focus and the place stay.
import * as live from "./live.js";
import * as queue from "./queue.js";

const board = document.getElementById("alerts");
const notice = document.getElementById("notice");
const say = document.getElementById("say");
const above = document.getElementById("above");
const BAR_PX = 56;
const AT_IT_MS = 30_000;
const title = document.title;
let sound; // these two come after the board: it must not wait for them
let picture;

function rows(root) {
  return [...root.querySelectorAll("li.alert")];
}

// A form that somebody is filling in is not taken away from under their fingers.
function inUse(root) {
  return [...root.querySelectorAll("textarea, select")].some((one) => one.value || one === document.activeElement);
}

function update(old, fresh) {
  old.querySelector(".age").textContent = fresh.querySelector(".age").textContent;
  const [left, now] = [old, fresh].map((row) => row.querySelector(".eta"));
  if (left && now) left.textContent = now.textContent;
  if (old.dataset.v === fresh.dataset.v) return old;
  if (inUse(old)) return around(old, fresh);
  for (const one of old.querySelectorAll("details[open]")) {
    const same = [...fresh.querySelectorAll("details")].find((other) => word(other) === word(one));
    if (same) same.open = true;
  }
  return fresh;
}

// All of the row becomes the fresh one's, but for the form in use, which never leaves the page.
function around(old, fresh) {
  const mark = (part) => part.querySelector("textarea")?.id;
  const key = fresh.querySelector("[name=key]")?.value;
  for (const { name } of [...old.attributes]) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const kept = [...old.children].filter(inUse);
  for (const part of [...old.children]) if (!kept.includes(part)) part.remove();
  let next = kept[0];
  for (const part of [...fresh.children]) {
    const same = kept.find((one) => mark(one) === mark(part));
    if (same) next = same.nextElementSibling;
    else old.insertBefore(part, next);
  }
  for (const one of old.querySelectorAll(":disabled")) one.disabled = false;
  if (key) for (const field of old.querySelectorAll("[name=key]")) field.value = key;
  return old;
}

function word(details) {
  return details.querySelector("summary").textContent;
}

function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html").body;
  const places = where();
  const before = new Map(rows(board).map((row) => [row.id, row]));
  const focused = document.activeElement;
  const focusRow = focused?.closest?.("li.alert")?.id;
  const place = focused?.name ? `[name="${focused.name}"][value="${CSS.escape(focused.value ?? "")}"]` : null;
  const fresh = rows(page);
  let list = page.querySelector("ol");
  const wanted = fresh.map((row) => (before.has(row.id) ? update(before.get(row.id), row) : row));
  const shown = board.querySelector("ol");
  for (const aside of asides(page)) if (board.querySelector(`#${aside.id}`)?.open) aside.open = true;
  const ids = new Set(fresh.map((row) => row.id));
  [...before.values()].forEach((row, at) => {
    if (ids.has(row.id) || !inUse(row)) return;
    // Closed elsewhere, and somebody writes in it: it stays, and says so.
    wanted.splice(at, 0, row);
    import("./rescue.js").then(({ closed }) => closed(row)).catch(() => delete row.dataset.rings).then(count);
    if (list) return;
    list = document.createElement("ol");
    page.querySelector("#none").replaceWith(list);
  });
  if (list && shown) {
    beside(shown, page, list);
    reorder(shown, wanted); // rows that stay in the document keep their focus and their scroll
  } else {
    board.replaceChildren(...page.childNodes);
  }
  if (focusRow && !document.activeElement?.closest?.("li.alert")) {
    // What had the focus is gone: its alert takes it.
    const row = document.getElementById(focusRow);
    const next = (place && row?.querySelector(place)) ?? row ?? document.getElementById("main");
    if (next === row) row.tabIndex = -1; // never another answer: a second Enter must not give it
    next.focus({ preventScroll: true });
  }
  const news = fresh.filter((row) => !before.has(row.id));
  for (const row of news) document.getElementById(row.id)?.classList.add("fresh");
  if (news.length) say.textContent = news.map((row) => row.dataset.say).join(" ");
  queue.show();
  hold(places);
  count();
}

let touched = performance.now();
for (const touch of ["pointerdown", "keydown", "scroll"]) {
  addEventListener(touch, () => {
    touched = performance.now();
    if (scrollY < 40) above.hidden = true;
  }, { capture: true, passive: true });
}
above.addEventListener("click", () => scrollTo(0, 0));

// Nothing moves under the finger of whoever is at it: what is in view stays where it is, and what had to move takes no
// tap for a moment. A board that nobody touches shows what is new.
async function steady(change) {
  await queue.lifted();
  const places = where();
  change();
  hold(places);
}

function where() {
  return new Map(rows(board).map((row) => [row.id, [row.getBoundingClientRect(), row.dataset.v]]));
}

function hold(places) {
  const top = (id) => document.getElementById(id)?.getBoundingClientRect().top;
  const first = [...places].find(([id, [box]]) => box.bottom > BAR_PX && top(id) !== undefined);
  if (first && performance.now() - touched < AT_IT_MS) scrollBy(0, top(first[0]) - first[1][0].top);
  for (const row of rows(board)) {
    const [box, version] = places.get(row.id) ?? [];
    const now = row.getBoundingClientRect();
    if (!box && now.top < 0) above.hidden = false;
    if (box && version === row.dataset.v && Math.abs(now.top - box.top) + Math.abs(now.height - box.height) < 8) continue;
    row.classList.add("moved");
    setTimeout(() => row.classList.remove("moved"), own(row) ? 1_500 : 500);
  }
}

function asides(root) {
  return [...root.querySelectorAll("[data-part]")];
}

// What stands before and after the list (wards, protection, what is hidden or shelved), each as far as it has changed.
function beside(shown, page, list) {
  const known = new Map(asides(board).map((aside) => [aside.id, aside]));
  for (const fresh of asides(page)) {
    const old = known.get(fresh.id);
    known.delete(fresh.id);
    if (old?.innerHTML === fresh.innerHTML) continue;
    const focused = old?.contains(document.activeElement) && document.activeElement.textContent;
    const before = fresh.compareDocumentPosition(list) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (old) old.replaceWith(fresh);
    else if (before) shown.before(fresh);
    else shown.after(fresh);
    if (!focused) continue;
    const doors = [...fresh.querySelectorAll("a, summary")];
    (doors.find((door) => door.textContent === focused) ?? doors[0])?.focus({ preventScroll: true });
  }
  for (const gone of known.values()) gone.remove();
}

function reorder(list, wanted) {
  for (const row of [...list.children]) if (!wanted.includes(row)) row.remove();
  wanted.forEach((row, at) => {
    if (list.children[at] !== row) list.insertBefore(row, list.children[at] ?? null);
  });
}

function count() {
  const open = rows(board).filter((row) => !row.matches(".gone")).length;
  document.title = open ? `(${open}) ${title}` : title;
  (open ? navigator.setAppBadge?.(open) : navigator.clearAppBadge?.())?.catch(() => {});
  ring();
}

let lost = false;
const answered = new Map(); // alert id -> [version after the answer that the gateway has taken, when]

// Answered here a moment ago.
function own(row) {
  return performance.now() - answered.get(row.id.slice(1))?.[1] < 10_000;
}

// The answer is taken, and this picture of it is older.
function taken(row) {
  return Number(row.dataset.v.split("-")[1]) < answered.get(row.id.slice(1))?.[0];
}

// An answer that waits to be sent is no answer yet, but whoever tapped it has heard the tone.
function ring() {
  const tapped = queue.waiting();
  const open = rows(board).filter((row) => row.dataset.rings && !tapped.has(row.id.slice(1)) && !taken(row));
  sound?.ring(open.map((row) => row.dataset.rings), lost);
}

// The gateway was renewed: load the page that belongs to it, but never under somebody's fingers.
function outdated() {
  if (rows(board).some(inUse) || queue.busyNow()) return;
  location.reload();
}

async function signedOut() {
  await picture?.forget();
  // What waits is kept, and the page says how to send it.
  if (queue.owes()) queue.deliver();
  else location.assign("/sign-in?next=/");
}

queue.start((alert, accepted, told, note) => {
  const row = document.getElementById(`a${alert}`);
  if (accepted && told.state !== "open") answered.set(alert, [told.version, performance.now()]);
  if (accepted) for (const form of row?.querySelectorAll("form") ?? []) form.reset();
  if (!row || told.state === "closed" || !accepted) {
    // what was written with an answer that was refused is not lost
    steady(() => {
      notice.textContent = accepted ? told.text : `${told.detail} ${note}`;
      notice.hidden = false;
    });
  }
  live.refresh();
}, steady);
live.start({
  fragment: take,
  lifted: queue.lifted,
  good({ headers }) {
    if (headers.has("Telecare-Ends")) import("./until.js");
    queue.deliver();
    picture?.keep(board.innerHTML, Date.now(), headers.get("Date"));
  },
  signedOut,
  stale(is) {
    lost = is;
    ring();
  },
  outdated,
});
count();
document.addEventListener("submit", () => setTimeout(ring));
setInterval(ring, 5_000); // an answer that waits is no reason to be silent for long

// What the first look does not need comes a moment after it. The sound does not wait where it is on.
async function bringSound() {
  try {
    sound = await import("./sound.js");
    sound.start();
    ring();
  } catch {
    setTimeout(bringSound, 5_000);
  }
}

let rings = false;
try {
  rings = localStorage["telecare-sound"].includes('"on":true');
} catch {
  // never switched, or no storage
}
document.getElementById("sound").hidden = rings; // then sound.js says so, with one letter
if (rings) bringSound();
addEventListener("load", () => setTimeout(async () => {
  if (!rings) bringSound();
  picture = await import("./picture.js");
  import("./whose.js").catch(() => {});
}, 1_000));
