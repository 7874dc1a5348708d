// The drawn zone as plain data: what the fields say, its GeoJSON, and the steps that change it. Every step makes a new one.
const METRES_PER_DEGREE = 111320;

// A number as the server reads it; null: it is none.
export function num(text) {
  const value = String(text).trim();
  return /^[+-]?(\d{1,6}([.,]\d{0,15})?|[.,]\d{1,15})$/.test(value) ? Number(value.replace(",", ".")) : null;
}

// What can't be read stays as it was typed: a corner that is left out makes another place.
export const cell = (text) => num(text) ?? text;
export const readable = (at) => Boolean(at) && at.every((one) => typeof one === "number");
export const blank = (at) => !at || at.every((one) => typeof one === "string" && !one.trim());

export function written(value) {
  return typeof value === "string" ? value : value.toFixed(7).replace(/\.?0+$/, "");
}

// Degrees from -180 to 180, wherever on the map they were tapped.
export const wrapped = (lon) => (lon >= -180 && lon <= 180 ? lon : ((((lon + 180) % 360) + 360) % 360) - 180);

export function geometry(state) {
  if (state.shape === "circle") {
    return readable(state.middle) ? { type: "Point", coordinates: state.middle } : null;
  }
  const paths = state.paths.map((path) => ({ role: path.role, points: path.points.filter(readable) })).filter((path) => path.points.length);
  if (state.shape === "corridor") {
    const lines = paths.map((path) => path.points).filter((points) => points.length > 1);
    return lines.length ? { type: "MultiLineString", coordinates: lines } : null;
  }
  if (state.shape !== "polygon") return null;
  const parts = [];
  for (const path of paths) {
    if (path.points.length < 3) continue;
    const ring = [...path.points, path.points[0]];
    if (path.role === "hole" && parts.length) parts.at(-1).push(ring);
    else parts.push([ring]);
  }
  return parts.length ? { type: "MultiPolygon", coordinates: parts } : null;
}

export function moved([lon, lat], east, north) {
  const shrink = Math.max(0.01, Math.cos((lat * Math.PI) / 180));
  return [wrapped(lon + east / (METRES_PER_DEGREE * shrink)), lat + north / METRES_PER_DEGREE];
}

export function between([lon1, lat1], [lon2, lat2]) {
  return [wrapped((lon1 + beside(lon2, lon1)) / 2), (lat1 + lat2) / 2];
}

// The same meridian, counted so that it is within half the world of another one.
export function beside(lon, other) {
  return lon + 360 * Math.round((other - lon) / 360);
}

// state: {shape, middle, radius, width, paths: [{role, points}], chosen: {p, q} | null}; a place is [lon, lat], each a
// number, or the text that was typed when it is none.
export function copy(state) {
  return structuredClone(state);
}

export function point(state) {
  const at = state.shape === "circle" ? state.middle : state.paths[state.chosen?.p]?.points[state.chosen.q];
  return readable(at) ? at : null;
}

export function withPoint(state, place) {
  const next = copy(state);
  if (next.shape === "circle") next.middle = place;
  else if (next.chosen && next.paths[next.chosen.p]?.points[next.chosen.q]) next.paths[next.chosen.p].points[next.chosen.q] = place;
  return next;
}

// A tap: the middle of a circle, or one corner more at the end of the part that is being drawn.
export function tapped(state, place) {
  const next = copy(state);
  if (next.shape === "circle") {
    next.middle = place;
    return next;
  }
  if (next.shape === "indoor") return next;
  if (!next.paths.length) next.paths.push({ role: next.shape === "corridor" ? "line" : "outer", points: [] });
  const p = Math.min(next.chosen?.p ?? next.paths.length - 1, next.paths.length - 1);
  next.paths[p].points.push(place);
  next.chosen = { p, q: next.paths[p].points.length - 1 };
  return next;
}

export function inserted(state, p, q) {
  const next = copy(state);
  const points = next.paths[p].points;
  const after = points[q + 1] ?? (state.shape === "polygon" ? points[0] : null);
  points.splice(q + 1, 0, readable(after) ? between(points[q], after) : moved(points[q], 10, 0));
  next.chosen = { p, q: q + 1 };
  return next;
}

export function removed(state) {
  const next = copy(state);
  if (next.shape === "circle") {
    next.middle = null;
    return next;
  }
  if (!next.chosen || !next.paths[next.chosen.p]) return next;
  const { p, q } = next.chosen;
  next.paths[p].points.splice(q, 1);
  const left = next.paths[p].points.length;
  if (left) next.chosen = { p, q: Math.max(0, Math.min(q, left - 1)) };
  else {
    next.paths.splice(p, 1);
    const last = next.paths.length - 1;
    next.chosen = last >= 0 ? { p: last, q: next.paths[last].points.length - 1 } : null;
  }
  return next;
}

export function begun(state, role) {
  const next = copy(state);
  next.paths = next.paths.filter((path) => path.points.length);
  let p = next.paths.length;
  if (role === "hole" && state.chosen) {
    p = state.chosen.p + 1;
    while (next.paths[p]?.role === "hole") p += 1;
  }
  next.paths.splice(Math.min(p, next.paths.length), 0, { role, points: [] });
  next.chosen = { p: Math.min(p, next.paths.length - 1), q: -1 };
  return next;
}

export function neighbour(state, step) {
  const all = state.paths.flatMap((path, p) => path.points.map((at, q) => (readable(at) ? { p, q } : null)).filter(Boolean));
  if (!all.length) return null;
  const now = all.findIndex((one) => one.p === state.chosen?.p && one.q === state.chosen?.q);
  return all[now < 0 ? 0 : (now + step + all.length) % all.length];
}
