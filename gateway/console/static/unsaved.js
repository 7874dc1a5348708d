// Asks before a page is left on which something was typed or drawn that is not saved.
export function unsaved(form, already) {
  let changed = already;
  let leaving = false;
  addEventListener("beforeunload", (event) => {
    if (changed && !leaving) event.preventDefault();
  });
  addEventListener("pageshow", () => { leaving = false; });
  // after the form's own listeners, which may have refused it
  addEventListener("submit", (event) => { leaving = event.target === form && !event.defaultPrevented; });
  return () => { changed = true; };
}
