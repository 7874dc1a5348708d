// Messages on this phone go to somebody else: the board says so, with the way to change it (docs/console.md).
import { lifted } from "./queue.js";

const PATIENCE_MS = 8_000;

async function ask() {
  const worker = await navigator.serviceWorker.ready;
  const known = await worker.pushManager?.getSubscription();
  if (!known || globalThis.Notification?.permission !== "granted") return;
  const response = await fetch("/api/push/check", { method: "POST", credentials: "same-origin", redirect: "error",
    body: JSON.stringify({ endpoint: known.endpoint }), headers: { "Content-Type": "application/json" },
    signal: AbortSignal.timeout?.(PATIENCE_MS) });
  if (!response.ok) return;
  const { text, link } = await response.json();
  if (!text) return;
  const main = document.getElementById("main");
  const line = document.createElement("p");
  const door = Object.assign(document.createElement("a"), { href: "/phone", textContent: link });
  line.className = "notice";
  line.id = "whose";
  line.setAttribute("role", "status");
  line.append(text, " ", door);
  await lifted();
  main.prepend(line);
  // everything has moved: no tap hits what was not there before
  main.classList.add("moved");
  setTimeout(() => main.classList.remove("moved"), 500);
}

ask().catch(() => {}); // asked again by the next page
