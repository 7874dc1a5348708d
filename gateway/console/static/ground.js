// A Leaflet map on our ground: tiles when there are some, a scale, north, and the zones of the house.
/* global L */
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

export function ground(box) {
  const title = box.dataset.title;
  box.replaceChildren();
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", title);
  const map = L.map(box, { zoomControl: false, attributionControl: false, zoomAnimation: !still, fadeAnimation: !still,
    markerZoomAnimation: !still, inertia: !still, maxZoom: 21, minZoom: 2, zoomSnap: 0.5 });
  map.setView([0, 0], 2);
  map.on("layeradd", ({ layer }) => settle(map, layer));
  map.createPane("names").classList.add("names"); // below the people
  L.control.zoom({ zoomInTitle: box.dataset.in, zoomOutTitle: box.dataset.out }).addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  const north = L.control({ position: "topright" });
  north.onAdd = () => Object.assign(L.DomUtil.create("div", "north"), { textContent: `↑ ${box.dataset.north}` });
  north.addTo(map);
  if (box.dataset.tiles) {
    L.tileLayer(box.dataset.tiles, { maxZoom: 21, maxNativeZoom: Number(box.dataset.maxZoom), referrerPolicy: "strict-origin",
      keepBuffer: 0 }).addTo(map);
  }
  return map;
}

export function shapes(box) {
  return JSON.parse(document.getElementById(`${box.id}-shapes`).textContent);
}

// Everything is drawn on the copy of the world where this meridian is: what lies across 180 degrees stays together.
export function about(map, lon) {
  map.about = lon;
}

// A place on that copy; the first one says which it is.
export function near(map, place) {
  const { lat, lng } = L.latLng(place);
  map.about ??= lng;
  return L.latLng(lat, lng + 360 * Math.round((map.about - lng) / 360));
}

function settle(map, layer) {
  const places = layer.getLatLng ? layer.getLatLng() : layer.getLatLngs?.();
  const first = [places].flat(3)[0];
  if (!first) return;
  const start = near(map, first).lng;
  const same = (at) => at.lng + 360 * Math.round((start - at.lng) / 360);
  const far = [places].flat(3).some((at) => same(at) !== at.lng);
  const put = (at) => (Array.isArray(at) ? at.map(put) : L.latLng(at.lat, same(at)));
  if (far) (layer.setLatLng ?? layer.setLatLngs).call(layer, put(places));
}

const swap = (point) => [point[1], point[0]];

// The layers of a zone; a way gets its true width on the ground at every zoom.
export function zone(shape, map, look = "zone") {
  const geometry = shape.geometry;
  if (!geometry) return null;
  const plain = { className: look, interactive: false };
  if (geometry.type === "Point") return L.circle(swap(geometry.coordinates), { ...plain, radius: shape.radius_m || 1 });
  if (geometry.type.endsWith("Polygon")) return L.polygon(deep(geometry.coordinates, geometry.type === "Polygon" ? 1 : 2), plain);
  const lines = deep(geometry.coordinates, geometry.type === "LineString" ? 0 : 1);
  const wide = L.polyline(lines, { ...plain, className: `${look} way` });
  const widen = () => wide.setStyle({ weight: Math.max(2, (shape.width_m || 1) / metresPerPixel(map, wide)) });
  wide.on("add", widen);
  const middle = L.polyline(lines, { ...plain, className: `${look} line`, weight: 2 });
  const group = L.featureGroup([wide, middle]);
  map.on("zoomend", widen);
  group.on("remove", () => map.off("zoomend", widen));
  return group;
}

function metresPerPixel(map, layer) {
  const lat = layer.getBounds().isValid() ? layer.getBounds().getCenter().lat : 0;
  return (40075016.7 * Math.cos((lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
}

function deep(points, depth) {
  return depth < 0 ? swap(points) : points.map((one) => deep(one, depth - 1));
}

export function draw(box, map, skip) {
  const group = L.featureGroup().addTo(map);
  for (const shape of shapes(box)) {
    const layer = shape.id === skip ? null : zone(shape, map);
    if (!layer) continue;
    layer.addTo(group);
    layer.bindTooltip?.(document.createTextNode(shape.name).textContent.replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`),
      { permanent: true, pane: "names", direction: "center", className: "name", interactive: false });
  }
  return group;
}

export function fit(map, layers) {
  const bounds = L.latLngBounds([]);
  for (const layer of layers) {
    if (layer?.getBounds?.().isValid()) bounds.extend(layer.getBounds());
  }
  // nothing that has to be touched lies under the buttons and signs in the corners
  const free = { paddingTopLeft: [68, 40], paddingBottomRight: [68, 44] };
  if (bounds.isValid()) map.fitBounds(bounds, { ...free, maxZoom: 18, animate: false });
  return bounds.isValid();
}
