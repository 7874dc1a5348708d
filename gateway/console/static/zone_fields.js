// The number fields of the zone editor: read into plain data, and written anew from it.
import { num, written } from "./shape.js";

export function fields(form) {
  const paths = document.getElementById("paths");
  const model = paths.querySelector("fieldset").cloneNode(true);
  const row = model.querySelector(".point").cloneNode(true);
  const legend = model.querySelector("legend").textContent;
  const of = (name) => form.elements.namedItem(name);

  function read() {
    const shape = of("shape").value;
    const [lon, lat] = [num(of("lon").value), num(of("lat").value)];
    const found = [...paths.querySelectorAll("fieldset")].map((part) => ({
      role: part.querySelector("select").value,
      points: [...part.querySelectorAll(".point")]
        .map((one) => [...one.querySelectorAll("input")].map((input) => num(input.value)))
        .filter(([x, y]) => x !== null && y !== null),
    })).filter((path) => path.points.length);
    const last = found.length - 1;
    return { shape, middle: lon === null || lat === null ? null : [lon, lat], radius: num(of("radius_m").value),
      width: num(of("width_m").value), paths: found, chosen: last >= 0 ? { p: last, q: found[last].points.length - 1 } : null };
  }

  function write(state) {
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(state.shape);
    of("shape").value = state.shape;
    of("lon").value = state.middle ? written(state.middle[0]) : "";
    of("lat").value = state.middle ? written(state.middle[1]) : "";
    if (state.radius !== null) of("radius_m").value = String(Math.round(state.radius * 10) / 10);
    const made = state.paths.map((path, p) => part(path, p, state.shape));
    for (const old of paths.querySelectorAll("fieldset")) old.remove();
    paths.append(...made);
  }

  function part(path, p, shape) {
    const made = model.cloneNode(true);
    made.dataset.path = p;
    made.querySelector("legend").textContent = legend.replace(/\d+/, p + 1);
    const select = made.querySelector("select");
    select.name = `p.${p}.role`;
    select.value = shape === "corridor" ? "line" : path.role === "line" ? "outer" : path.role;
    made.querySelector(".role").hidden = shape === "corridor" || p === 0;
    const error = made.querySelector(".error");
    error.hidden = true;
    const list = made.querySelector(".points");
    list.replaceChildren(...path.points.map((at, q) => {
      const one = row.cloneNode(true);
      one.querySelector(".nr").textContent = q + 1;
      [...one.querySelectorAll("input")].forEach((input, which) => {
        input.name = `p.${p}.${q}.${which ? "lat" : "lon"}`;
        input.value = written(at[which]);
        input.removeAttribute("aria-invalid");
      });
      return one;
    }));
    return made;
  }

  function choose(chosen) {
    for (const old of paths.querySelectorAll(".point.chosen")) old.classList.remove("chosen");
    if (!chosen) return;
    const one = paths.querySelectorAll("fieldset")[chosen.p]?.querySelectorAll(".point")[chosen.q];
    one?.classList.add("chosen");
  }

  return { read, write, choose };
}
