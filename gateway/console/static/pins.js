// People whose signs would lie on each other are one pin, with the most urgent mark and how many they are.
/* global L */
const LEVELS = ["high", "medium", "low"];
const EM = 9; // the width of a letter of a pin, in pixels, and of its edge below; both rather too much
const EDGE = 24;
const TALL = 28;
const MOST = 12; // so many are named by the pin itself; its list names all

const level = (item) => LEVELS.find((one) => item.classList.contains(one)) ?? "";

// The list has the most urgent first, and so has each group.
export function grouped(items, point) {
  const wide = (group) => Math.max(48, label(group).length * EM + EDGE);
  const meet = (one, other) => {
    const [a, b] = [point(one[0]), point(other[0])];
    return Math.abs(a.y - b.y) < TALL && Math.abs(a.x - b.x) < (wide(one) + wide(other)) * 0.4;
  };
  let groups = items.map((item) => [item]);
  for (let before = 0; before !== groups.length;) {
    before = groups.length;
    const kept = [];
    for (const group of groups) {
      const host = kept.find((one) => meet(one, group));
      if (host) host.push(...group);
      else kept.push(group);
    }
    groups = kept; // a sign that got longer may now lie on another one
  }
  return groups;
}

// "!!! 102", "2 × !!! +9" or "101 +3": each mark with the room or how many, then how many more without an alert.
function label(group) {
  const said = [];
  for (const one of LEVELS) {
    const these = group.filter((item) => level(item) === one);
    const name = these[0]?.dataset.label;
    if (name) said.push(these.length > 1 ? `${these.length} × ${name.split(" ")[0]}` : name);
  }
  const calm = group.filter((item) => !level(item)).length - (said.length ? 0 : 1);
  if (!said.length) said.push(group[0].dataset.label);
  return [...said, ...(calm > 0 ? [`+${calm}`] : [])].join(" ");
}

export function pin(group, place, here, wide) {
  const text = document.createElement("span");
  text.textContent = label(group);
  const first = level(group[0]);
  const same = group.filter((item) => level(item) === first);
  const look = ["pin", first, ...["aged", "coarse"].filter((one) => same.every((item) => item.classList.contains(one)))];
  const alone = group.length === 1;
  const told = group.slice(0, MOST).map((item) => [level(item) && item.dataset.label.split(" ")[0], item.dataset.say].join(" ").trim());
  const say = alone ? told[0] : [`${here}: ${group.length}`, ...told, ...(group.length > MOST ? ["…"] : [])].join(". ");
  const icon = L.divIcon({ className: look.filter(Boolean).join(" "), html: text, iconSize: [48, 48] });
  const marker = L.marker(place, { icon, title: say, alt: say, keyboard: true, zIndexOffset: first ? 1000 : 0 });
  return marker.bindPopup(() => popup(group, here), { maxWidth: Math.min(280, wide - 90), minWidth: 140, maxHeight: 260 });
}

function popup(group, here) {
  const all = document.createElement("div");
  if (group.length > 1) {
    all.append(Object.assign(document.createElement("p"), { textContent: `${here}: ${group.length}` }));
    all.className = "together";
    all.setAttribute("role", "group");
    all.setAttribute("aria-label", all.textContent);
  }
  all.tabIndex = group.length > 1 ? 0 : -1; // a long list is scrolled by keys
  for (const item of group) {
    const copy = document.createElement("div");
    copy.dataset.of = item.id;
    for (const part of item.children) copy.append(part.cloneNode(true));
    for (const button of copy.querySelectorAll("button")) button.remove();
    all.append(copy);
  }
  return all;
}
