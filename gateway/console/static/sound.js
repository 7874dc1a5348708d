// Rings while nobody is going, after the spirit of IEC 60601-1-8: the more urgent, the more and the quicker tones.
// The tones are made here; no file is fetched. A browser lets a page sound only after a tap, so a person turns it on.
const NAME = "telecare-sound"; // {on, tested}: of this device, not of a person
const SHIFT_MS = 8 * 3_600_000;
const LEVEL = 0.35;

// Tones as [start s, Hz, length s]; every: seconds between two beginnings.
const PATTERNS = {
  high: { every: 6, tones: [0, 0.3, 0.6, 1.1, 1.4, 2.4, 2.7, 3.0, 3.5, 3.8].map((at, n) => [at, n % 5 < 3 ? 523 : 659, 0.18]) },
  medium: { every: 15, tones: [0, 0.35, 0.7].map((at) => [at, 494, 0.22]) },
  low: { every: 45, tones: [[0, 392, 0.3]] },
};
const ORDER = ["high", "medium", "low"];

const AGAIN_MS = 5_000;

const box = document.getElementById("sound"); // missing where there is nothing to switch: such a page only rings
const toggle = document.getElementById("sound-switch");
const said = document.getElementById("sound-say");
const door = document.getElementById("sound-open"); // on the board: all that is seen of a sound that is on
const READ_MS = 20_000;
let context;
let wave;
let wanted = null; // what is rung for now
let last = -Infinity; // by a clock that nobody sets
let sounding = [];
let kept = read();
let opened = false;
let reading = 0; // until then what the test said stays
let asked = -Infinity;
let started = false;
let tell = () => {};

// told(state): "on", "off", "blocked" or "none", each time when it may have changed
export function start(told) {
  tell = told ?? tell;
  if (!started) begin();
  started = true;
  show();
}

function begin() {
  if (box) {
    const tester = document.getElementById("sound-test");
    toggle.addEventListener("click", turn);
    tester.addEventListener("click", test);
    toggle.disabled = tester.disabled = false;
  }
  // Remembered as on: the first touch of the page is the tap that the browser waits for.
  // When the finger leaves it, not before: what moves the buttons under a finger makes the tap miss.
  for (const touch of ["pointerup", "keydown"]) {
    document.addEventListener(touch, () => kept.on && wake(), { capture: true, passive: true });
  }
  door?.addEventListener("click", () => {
    opened = !opened;
    show();
  });
  document.addEventListener("visibilitychange", () => document.hidden || back());
  setInterval(tick, 500);
  if (kept.on) wake();
}

// The priorities that nobody goes for, and "lost" when the page is not live.
export function ring(priorities, lost) {
  const now = ORDER.find((one) => priorities.includes(one)) ?? (lost ? "low" : null);
  if (now === wanted) return;
  const worse = wanted === null || (now !== null && ORDER.indexOf(now) < ORDER.indexOf(wanted));
  wanted = now;
  if (worse) last = -Infinity;
  if (now === null) hush();
  tick();
}

// A call, a headset or a sleep has interrupted it: a page that was touched before gets it back without another touch,
// and nobody stands by to touch a wall. Asked for again and again, because a call lasts.
function back() {
  if (!kept.on || !context || ready() || performance.now() - asked < AGAIN_MS) return;
  asked = performance.now();
  wake();
}

function tick() {
  back();
  if (!wanted || !kept.on || !ready()) return;
  if (performance.now() - last < PATTERNS[wanted].every * 1000) return;
  last = performance.now();
  play(wanted);
}

function play(priority) {
  hush();
  const begin = context.currentTime + 0.05;
  for (const [at, hertz, length] of PATTERNS[priority].tones) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.setPeriodicWave(wave);
    tone.frequency.value = hertz;
    // soft edges: a hard one clicks
    volume.gain.setValueAtTime(0, begin + at);
    volume.gain.linearRampToValueAtTime(LEVEL, begin + at + 0.03);
    volume.gain.setValueAtTime(LEVEL, begin + at + length - 0.03);
    volume.gain.linearRampToValueAtTime(0, begin + at + length);
    tone.connect(volume).connect(context.destination);
    tone.start(begin + at);
    tone.stop(begin + at + length);
    sounding.push(tone);
  }
  document.dispatchEvent(new CustomEvent("telecare-sound", { detail: priority }));
}

function hush() {
  for (const tone of sounding) tone.stop();
  sounding = [];
}

function ready() {
  return context?.state === "running";
}

async function wake() {
  const Maker = globalThis.AudioContext ?? globalThis.webkitAudioContext;
  if (!Maker) return;
  if (!context || context.state === "closed") {
    context = new Maker();
    // the tone and its harmonics: heard on small loudspeakers and by old ears
    wave = context.createPeriodicWave(new Float32Array(6), new Float32Array([0, 1, 0.6, 0.5, 0.35, 0.25]));
    context.addEventListener("statechange", () => {
      show();
      tick();
    });
  }
  // never settles while the browser holds it back; what comes of it is told by the event
  if (!ready()) context.resume().catch(() => {});
  show();
  if (ready()) tick();
}

function turn() {
  if (kept.on && !ready()) {
    wake();
    return;
  }
  keep({ ...kept, on: !kept.on });
  last = -Infinity;
  if (kept.on) wake();
  else hush();
  show();
}

async function test() {
  keep({ on: true, tested: Date.now() });
  last = performance.now(); // first the test; what is open rings after it
  await wake();
  await context?.resume();
  if (ready()) play("high");
  last = performance.now();
  reading = last + READ_MS;
  setTimeout(show, READ_MS);
  show(box.dataset.tested);
}

function show(text) {
  const none = !(globalThis.AudioContext ?? globalThis.webkitAudioContext);
  const blocked = kept.on && !ready();
  const state = none ? "none" : blocked ? "blocked" : kept.on ? "on" : "off";
  tell(state);
  if (!box) return;
  box.dataset.state = state;
  toggle.textContent = box.dataset[state];
  toggle.setAttribute("aria-pressed", String(state === "on"));
  const age = Date.now() - (kept.tested ?? 0);
  const fresh = age >= 0 && age < SHIFT_MS;
  const words = typeof text === "string" ? text : fresh || state === "off" || none ? "" : box.dataset.untested;
  if (typeof text === "string" || performance.now() >= reading) said.textContent = words;
  said.hidden = !said.textContent;
  const quiet = door !== null && state === "on" && said.hidden;
  box.hidden = quiet && !opened && !box.contains(document.activeElement);
  if (!door) return;
  door.hidden = !quiet;
  door.setAttribute("aria-expanded", String(!box.hidden));
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return {};
  }
}

function keep(value) {
  kept = value;
  try {
    localStorage.setItem(NAME, JSON.stringify(value));
  } catch {
    // it is on until the page is left
  }
}
