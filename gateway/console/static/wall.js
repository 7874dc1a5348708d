// The wall screen: the same live updates as the board, a clock, the sound. It takes no answers.
import * as live from "./live.js";
import * as sound from "./sound.js";

const place = document.getElementById("alerts");
const clock = document.getElementById("clock");
const title = document.title;
let ahead = Number(clock.dataset.now) - performance.now(); // the gateway's clock counts, not the screen's
const lang = document.documentElement.lang.replace(/^en$/, "en-GB");
const written = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", timeZone: clock.dataset.zone });
let lost = false;
let gone = false;

function take(html) {
  const page = new DOMParser().parseFromString(html, "text/html").body;
  place.replaceChildren(...page.childNodes);
  count();
}

function count() {
  const open = Number(place.querySelector("ol")?.dataset.open ?? 0);
  document.title = open ? `(${open}) ${title}` : title;
  const waits = place.querySelector("ol")?.dataset.rings; // the most urgent of all, also of those without a place
  sound.ring(waits ? [waits] : [], lost);
}

function tick() {
  const text = written.format(performance.now() + ahead);
  if (clock.textContent !== text) clock.textContent = text;
}

setInterval(tick, 1_000);
tick();
sound.start();
live.start({
  fragment: take,
  good({ headers }) {
    // a screen that slept: its own count stood still
    const now = Number(headers.get("Telecare-Time"));
    if (now) ahead = now - performance.now();
  },
  // Nobody stands by to sign in: the page says so, and goes on asking when it is loaded anew.
  signedOut() {
    if (gone) return;
    gone = true;
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  },
  stale(is) {
    lost = is;
    document.body.classList.toggle("lost", is);
    count();
  },
  outdated: () => location.reload(),
});
count();
