// The answers that are not delivered yet, in localStorage: they survive an outage, a reload and a sign-out.
const NAME = "telecare-answers";

export function all() {
  try {
    const list = JSON.parse(localStorage.getItem(NAME) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return []; // damaged, or storage is off
  }
}

function save(list) {
  localStorage.setItem(NAME, JSON.stringify(list));
}

// The same tap twice is one answer. Throws when the storage is full or off: then the plain form is sent.
export function add(item) {
  const list = all();
  if (!list.some((other) => other.id === item.id)) save([...list, item]);
}

export function remove(id) {
  save(all().filter((item) => item.id !== id));
}
