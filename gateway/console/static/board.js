// The board: takes in fresh fragments row by row, so that a half-written note, the focus and the place stay.
import * as live from "./live.js";
import * as queue from "./queue.js";

const board = document.getElementById("alerts");
const notice = document.getElementById("notice");
const say = document.getElementById("say");
const title = document.title;

function rows(root) {
  return [...root.querySelectorAll("li.alert")];
}

// A form that somebody is filling in is not taken away from under their fingers.
function inUse(row) {
  const note = row.querySelector("textarea");
  const outcome = row.querySelector("select");
  return Boolean(note?.value || outcome?.value || note === document.activeElement || outcome === document.activeElement);
}

function update(old, fresh) {
  old.querySelector(".age").textContent = fresh.querySelector(".age").textContent;
  if (old.dataset.v === fresh.dataset.v) return old;
  if (inUse(old) && fresh.querySelector("form.close")) {
    for (const part of [".state", ".why"]) old.querySelector(part).replaceWith(fresh.querySelector(part));
    const key = fresh.querySelector("form.close [name=key]").value;
    for (const field of old.querySelectorAll("[name=key]")) field.value = key;
    return old;
  }
  const open = old.querySelector("details")?.open && !fresh.querySelector("details")?.open;
  if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  return fresh;
}

function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html").body;
  const before = new Map(rows(board).map((row) => [row.id, row]));
  const focused = document.activeElement;
  const focusRow = focused?.closest?.("li.alert")?.id;
  const place = focused?.name ? `[name="${focused.name}"][value="${CSS.escape(focused.value ?? "")}"]` : null;
  const fresh = rows(page);
  const list = page.querySelector("ol");
  const wanted = fresh.map((row) => (before.has(row.id) ? update(before.get(row.id), row) : row));
  const shown = board.querySelector("ol");
  for (const aside of asides(page)) aside.open = board.querySelector(`#${aside.id}`)?.open ?? false;
  if (list && shown) {
    beside(shown, page, list);
    reorder(shown, wanted); // rows that stay in the document keep their focus and their scroll
  } else {
    board.replaceChildren(...page.childNodes);
  }
  if (focusRow && !document.activeElement?.closest?.("li.alert")) {
    // What had the focus is gone: the next step of the same alert takes it.
    const row = document.getElementById(focusRow);
    const next = [place, "button.go", "summary", "a"].map((what) => what && row?.querySelector(what)).find(Boolean);
    (next ?? document.getElementById("main")).focus({ preventScroll: true });
  }
  const news = fresh.filter((row) => !before.has(row.id));
  for (const row of news) document.getElementById(row.id)?.classList.add("fresh");
  if (news.length) say.textContent = news.map((row) => row.dataset.say).join(" ");
  count();
  queue.show();
}

function asides(root) {
  return [...root.querySelectorAll("details.aside")];
}

// What stands before and after the list (protection, what is shelved), each as far as it has changed.
function beside(shown, page, list) {
  const known = new Map(asides(board).map((aside) => [aside.id, aside]));
  for (const fresh of asides(page)) {
    const old = known.get(fresh.id);
    known.delete(fresh.id);
    if (old?.textContent === fresh.textContent) continue;
    const focused = old?.contains(document.activeElement);
    const before = fresh.compareDocumentPosition(list) & Node.DOCUMENT_POSITION_FOLLOWING;
    if (old) old.replaceWith(fresh);
    else if (before) shown.before(fresh);
    else shown.after(fresh);
    if (focused) fresh.querySelector("summary").focus({ preventScroll: true });
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
  const open = rows(board).length;
  document.title = open ? `(${open}) ${title}` : title;
}

function signedOut() {
  // Only when nothing waits: what waits is kept, and the page says how to send it.
  if (document.getElementById("queue").hidden) location.assign("/sign-in?next=/");
}

queue.start((alert, accepted, told) => {
  if (!document.getElementById(`a${alert}`) || told.state === "closed" || !accepted) {
    notice.textContent = accepted ? told.text : told.detail;
    notice.hidden = false;
  }
  live.refresh();
});
live.start({ fragment: take, good: queue.deliver, signedOut });
count();
