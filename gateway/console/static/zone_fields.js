// The number fields of the zone editor: read into plain data, and written anew from it.
import { blank, cell, num, readable, written } from "./shape.js";

export function fields(form) {
  const paths = document.getElementById("paths");
  const model = paths.querySelector("fieldset").cloneNode(true);
  const row = model.querySelector(".point").cloneNode(true);
  const legend = model.querySelector("legend").textContent;
  const of = (name) => form.elements.namedItem(name);
  const say = form.dataset;
  row.querySelector(".error")?.remove();
  for (const input of row.querySelectorAll("input")) ["aria-invalid", "aria-describedby"].forEach((name) => input.removeAttribute(name));
  model.querySelector(".points").replaceChildren();

  function read() {
    const middle = [cell(of("lon").value), cell(of("lat").value)];
    const found = [...paths.querySelectorAll("fieldset")].map((part) => ({
      role: role(part),
      points: [...part.querySelectorAll(".point")].map((one) => [...one.querySelectorAll("input")].map((input) => cell(input.value))),
    }));
    return { shape: of("shape").value, middle: blank(middle) ? null : middle, radius: num(of("radius_m").value),
      width: num(of("width_m").value), paths: found, chosen: null };
  }

  // As the page came: without the empty rows for whoever has no scripts, and the last corner chosen.
  function first() {
    const state = read();
    state.paths = state.paths.map((path) => ({ ...path, points: path.points.filter((at) => !blank(at)) })).filter((path) => path.points.length);
    state.paths.forEach((path, p) => path.points.forEach((at, q) => { if (readable(at)) state.chosen = { p, q }; }));
    return state;
  }

  // A way has lines only; what the part was in an area is kept for when it becomes one again.
  function role(part) {
    const { value } = part.querySelector("select");
    return value === "line" ? part.dataset.area ?? value : value;
  }

  function write(state) {
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(state.shape);
    of("shape").value = state.shape;
    of("lon").value = state.middle ? written(state.middle[0]) : "";
    of("lat").value = state.middle ? written(state.middle[1]) : "";
    if (state.radius !== null) of("radius_m").value = String(Math.round(state.radius * 10) / 10);
    const parts = [...paths.querySelectorAll("fieldset")];
    for (const old of parts.splice(state.paths.length)) old.remove();
    state.paths.forEach((path, p) => {
      if (!parts[p]) paths.append(parts[p] = model.cloneNode(true));
      fill(parts[p], path, p, state.shape);
    });
    mark(state);
  }

  // In place: whoever is in one of the fields stays there.
  function fill(part, path, p, shape) {
    part.dataset.path = p;
    part.querySelector("legend").textContent = legend.replace(/\d+/, p + 1);
    const select = part.querySelector("select");
    select.name = `p.${p}.role`;
    if (path.role === "line") delete part.dataset.area;
    else part.dataset.area = path.role;
    select.value = shape === "corridor" ? "line" : path.role === "line" ? "outer" : path.role;
    part.querySelector(".role").hidden = shape === "corridor" || p === 0;
    part.querySelector(":scope > .error").hidden = true;
    const list = part.querySelector(".points");
    while (list.children.length > path.points.length) list.lastElementChild.remove();
    while (list.children.length < path.points.length) list.append(row.cloneNode(true));
    list.classList.toggle("many", path.points.length > 200);
    path.points.forEach((at, q) => {
      const one = list.children[q];
      const number = one.querySelector(".nr");
      if (number.textContent !== String(q + 1)) number.textContent = q + 1;
      one.querySelectorAll("input").forEach((input, which) => {
        const name = `p.${p}.${q}.${which ? "lat" : "lon"}`;
        if (input.name !== name) input.name = name; // each change costs, with thousands of fields
        if (input.value !== written(at[which])) input.value = written(at[which]);
      });
    });
  }

  // Marks what can't be read, each with a word, and gives the words with their fields; a row that is empty is taken out.
  function mark(state) {
    const found = [];
    const drawn = state.shape === "polygon" || state.shape === "corridor";
    const parts = paths.querySelectorAll("fieldset");
    state.paths.forEach((path, p) => {
      const rows = parts[p].querySelectorAll(".point");
      path.points.forEach((at, q) => {
        const good = readable(at) || blank(at);
        const text = (p ? say.part.replace("{part}", p + 1) : say.corner).replace("{n}", q + 1).replace("{what}", say.number);
        flag(rows[q], good ? "" : text, `e-p.${p}.${q}`, at);
        if (!good && drawn) found.push({ text, field: [...rows[q].querySelectorAll("input")].find((one) => num(one.value) === null) });
      });
    });
    const single = state.shape === "circle" ? [["lon", "number"], ["lat", "number"], ["radius_m", "metres"]] : state.shape === "corridor" ? [["width_m", "metres"]] : [];
    for (const [name, word] of single) {
      const field = of(name);
      const bad = field.value.trim() && !(num(field.value) !== null && (word === "number" || num(field.value) > 0));
      if (bad) found.push({ text: say[word], field });
      told(field, bad ? say[word] : "");
    }
    return found;
  }

  function flag(one, text, id, at) {
    let word = one.querySelector(".error");
    if (!text && !word && !one.querySelector("[aria-invalid]")) return;
    if (text && !word) one.append(word = Object.assign(document.createElement("p"), { className: "error" }));
    if (word) Object.assign(word, { id, textContent: text, hidden: !text });
    one.querySelectorAll("input").forEach((input, which) => {
      const bad = text && typeof at[which] === "string";
      attribute(input, "aria-invalid", bad && "true");
      attribute(input, "aria-describedby", bad && id);
    });
  }

  function told(field, text) {
    const word = document.getElementById(`e-${field.name}`);
    if (!text && !word.dataset.ours) return; // what the server said stays
    Object.assign(word, { hidden: !text, textContent: text });
    word.dataset.ours = text;
    attribute(field, "aria-invalid", text && "true");
    attribute(field, "aria-describedby", text && word.id);
  }

  function choose(chosen) {
    for (const old of paths.querySelectorAll(".point.chosen")) old.classList.remove("chosen");
    if (!chosen) return;
    const one = paths.querySelectorAll("fieldset")[chosen.p]?.querySelectorAll(".point")[chosen.q];
    one?.classList.add("chosen");
  }

  return { first, read, write, mark, choose };
}

function attribute(field, name, value) {
  if (value) field.setAttribute(name, value);
  else field.removeAttribute(name);
}
