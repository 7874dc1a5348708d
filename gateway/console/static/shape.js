// The drawn zone as plain data: what the fields say, its GeoJSON, and the steps that change it. Every step makes a new one.
const METRES_PER_DEGREE = 111320;

export function num(text) {
  const value = String(text).trim().replace(",", ".");
  return value !== "" && Number.isFinite(Number(value)) ? Number(value) : null;
}

export function written(value) {
  return String(Number(value.toFixed(7)));
}

export function geometry(state) {
  if (state.shape === "circle") {
    return state.middle ? { type: "Point", coordinates: state.middle } : null;
  }
  const paths = state.paths.filter((path) => path.points.length);
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
  return [lon + east / (METRES_PER_DEGREE * shrink), lat + north / METRES_PER_DEGREE];
}

export function between([lon1, lat1], [lon2, lat2]) {
  return [(lon1 + lon2) / 2, (lat1 + lat2) / 2];
}

// state: {shape, middle, radius, width, paths: [{role, points}], chosen: {p, q} | null}
export function copy(state) {
  return structuredClone(state);
}

export function point(state) {
  if (state.shape === "circle") return state.middle;
  return state.chosen ? state.paths[state.chosen.p]?.points[state.chosen.q] ?? null : null;
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
  points.splice(q + 1, 0, after ? between(points[q], after) : moved(points[q], 10, 0));
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
  const all = state.paths.flatMap((path, p) => path.points.map((_, q) => ({ p, q })));
  if (!all.length) return null;
  const now = all.findIndex((one) => one.p === state.chosen?.p && one.q === state.chosen?.q);
  return all[now < 0 ? 0 : (now + step + all.length) % all.length];
}
