// The board without a connection: the last picture of this device, plainly marked as old. Answers can be tapped; they
// wait in the queue. As soon as the gateway answers, the real page is loaded.
import * as picture from "./picture.js";
import * as queue from "./queue.js";
import * as sound from "./sound.js";

const PAUSE_MS = 3_000;
const PATIENCE_MS = 8_000;

const board = document.getElementById("alerts");
const chip = document.getElementById("chip");
const notice = document.getElementById("notice");

const last = await picture.last();
if (last) {
  document.body.dataset.carer = last.carer;
  const page = new DOMParser().parseFromString(last.html, "text/html").body;
  // Ages and times that are left stood still; the time of the picture says what they are.
  board.replaceChildren(...page.childNodes);
  for (const row of board.querySelectorAll(".moved")) row.classList.remove("moved"); // it stands still from now on
  chip.textContent = last.unsure ? chip.dataset.none : chip.dataset.stale.replace("{time}", timeOf(last.at));
  notice.textContent = notice.dataset[last.unsure ? "unsure" : "old"].replace("{time}", timeOf(last.at)).replace("{name}", last.name);
} else {
  board.replaceChildren();
  chip.textContent = chip.dataset.none;
  notice.textContent = notice.dataset.none;
}
chip.classList.add("stale");
notice.hidden = false;
board.classList.add("old");
queue.start(() => {});
sound.start();

// As on the board: nobody knows what is new, and what nobody was going for still waits.
function ring() {
  const tapped = queue.waiting();
  const open = [...board.querySelectorAll("[data-rings]")].filter((row) => !tapped.has(row.id.slice(1)));
  sound.ring(open.map((row) => row.dataset.rings), true);
}
ring();
setInterval(ring, 5_000);
document.addEventListener("submit", () => setTimeout(ring));

async function look() {
  try {
    const response = await fetch("/board", { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(PATIENCE_MS) });
    // a page of something in between is no gateway, whatever it says
    if (response.headers.has("Telecare-Version") && (response.ok || response.status === 401)) return location.reload();
  } catch {
    // still none
  }
  setTimeout(look, PAUSE_MS);
}
addEventListener("online", look, { once: true });
look();

function timeOf(ms) {
  const lang = document.documentElement.lang.replace(/^en$/, "en-GB");
  return new Date(ms).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
}
