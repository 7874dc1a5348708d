// Keeps a resident, an alert or the round list fresh: its parts are fetched again, and answers go through the queue.
// What somebody writes in, and what has the focus, stays (docs/console.md).
import { fresh } from "./fresh.js";
import * as queue from "./queue.js";

const live = document.getElementById("live");
const waits = document.getElementById("queue");
const notice = document.getElementById("notice");
const parts = () => [...live.querySelectorAll("[data-part]")];
const shown = new Map(parts().map((part) => [part.id, part.innerHTML])); // as the gateway sent it

function inUse(root) {
  return [...root.querySelectorAll("textarea, select")].some((one) => one.value || one === document.activeElement);
}

// The same door or button in a fresh part.
function same(root, one) {
  return [...root.querySelectorAll(one.tagName)].find((other) =>
    ["name", "value", "href"].every((what) => other[what] === one[what]) && other.textContent === one.textContent);
}

function renew(part, html) {
  if (shown.get(part.id) === html) return;
  const page = document.createElement("template");
  page.innerHTML = html;
  if (inUse(part)) {
    // never under somebody's fingers: only what has become of the alert, and the key of its next answer
    for (const row of page.content.querySelectorAll("[id^=a]:has(.state)")) {
      const old = document.getElementById(row.id);
      for (const what of [".state", ".age", ".badge", ".why"]) {
        const [was, now] = [old, row].map((one) => one?.querySelector(what));
        if (was && now) was.replaceWith(now);
      }
      if (old) old.className = row.className;
      const key = row.querySelector("[name=key]")?.value;
      if (key && old) for (const field of old.querySelectorAll("[name=key]")) field.value = key;
    }
    return;
  }
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  for (const one of part.querySelectorAll("details[open] > summary")) {
    const other = same(page.content, one);
    if (other) other.parentElement.open = true;
  }
  const row = focused?.closest("[id]").id;
  let next = focused && same(page.content, focused);
  part.replaceChildren(page.content);
  shown.set(part.id, html);
  // another button stands there now: no tap that was meant for the one before, and no second Enter
  part.classList.add("moved");
  setTimeout(() => part.classList.remove("moved"), 1_000);
  if (!focused) return;
  next ??= document.getElementById(row) ?? document.getElementById("main");
  if (!next.matches("button, a, summary, select, input, textarea")) next.tabIndex = -1;
  next.focus({ preventScroll: true });
}

function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  for (const part of parts()) {
    const now = page.getElementById(part.id);
    if (now) renew(part, now.innerHTML);
  }
  if (waits) queue.show();
}

const ask = fresh(live, {
  take,
  lifted: queue.lifted,
  stale: (is) => live.classList.toggle("old", is),
  good: () => waits && queue.deliver(),
  signedOut() {
    // what waits is kept, and the page says how to send it
    if (waits && queue.owes()) queue.deliver();
    else location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  },
  outdated() {
    if (!inUse(live) && !(waits && queue.busyNow())) location.reload();
  },
});

// Each tap has a key of its own: the same one that is sent again is known by it.
document.addEventListener("submit", ({ target }) => {
  if ("tap" in target.dataset) target.elements.key.value = [...crypto.getRandomValues(new Uint32Array(4))].join("-");
}, true);

// What became of something that is not on this page (any more); what was written with a refused answer is not lost.
function delivered(alert, accepted, told, note) {
  if (notice && !(accepted && document.getElementById(`a${alert}`))) {
    notice.textContent = accepted ? told.text : `${told.detail} ${note}`;
    notice.hidden = false;
  }
  ask();
}

if (waits) queue.start(delivered);
