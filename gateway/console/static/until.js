// Says when the session ends, from an hour before, on a page that is open. Fetched only then (docs/console.md).
import { lifted } from "./queue.js";

const main = document.getElementById("main");
const line = document.getElementById("until") ?? document.createElement("p");
const link = line.querySelector("a") ?? document.createElement("a");
let shown = line.textContent.trim();

async function ask() {
  let told;
  try {
    const response = await fetch("/session", { headers: { Accept: "application/json" }, cache: "no-store",
      credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(8_000) });
    if (!response.ok) return; // the page itself sees to that
    told = await response.json();
  } catch {
    return; // asked again in a minute; the line stays
  }
  const text = told.ends ? `${told.text} ${told.link}` : "";
  if (text === shown) return;
  shown = text;
  await lifted();
  if (!line.isConnected) {
    line.className = "note noprint";
    line.id = "until";
    line.setAttribute("role", "status");
    main.prepend(line);
  }
  link.href = `/sign-in?${new URLSearchParams({ again: "1", next: location.pathname + location.search })}`;
  link.textContent = told.link;
  line.replaceChildren(told.text ?? "", " ", link);
  line.hidden = !text;
  // everything has moved: no tap hits what was not there before
  main.classList.add("moved");
  setTimeout(() => main.classList.remove("moved"), 500);
}

setInterval(ask, 60_000);
ask();
