// A row whose alert was closed elsewhere while somebody wrote in it: it stays, says so, and what was written can be copied.
export async function closed(row) {
  if (row.matches(".gone")) return;
  row.classList.add("gone");
  delete row.dataset.rings;
  for (const button of row.querySelectorAll("button")) button.disabled = true;
  const state = row.querySelector(".state");
  state.className = "state closed";
  state.textContent = document.getElementById("above").dataset.gone;
  const response = await fetch(`/alerts/${row.id.slice(1)}`, { credentials: "same-origin" });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const told = page.querySelector(`#${row.id} .state.closed`);
  if (told) state.textContent = told.textContent;
}
