// Asks for the page again each minute, as the page without scripts does, but leaves the reader where they are.
const main = document.getElementById("main");
setInterval(async () => {
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(10_000) });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!fresh || fresh.innerHTML === main.innerHTML) return;
    const address = main.contains(document.activeElement) ? document.activeElement.href : null;
    main.replaceChildren(...fresh.childNodes);
    if (address) ([...main.querySelectorAll("a")].find((one) => one.href === address) ?? main).focus({ preventScroll: true });
  } catch {
    // the page says how old it is
  }
}, 60_000);
