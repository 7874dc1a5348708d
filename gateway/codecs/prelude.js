// What is in every context beside the codec. Names of built-in functions are taken before the codec can change them, and
// lists are walked by index: a codec may have changed how "of" does it.
(function () {
  'use strict';
  const parse = JSON.parse, text = JSON.stringify, NativeDate = Date, isList = Array.isArray;
  const keys = Reflect.ownKeys, remove = Reflect.deleteProperty, define = Reflect.defineProperty;
  const about = Reflect.getOwnPropertyDescriptor, parent = Reflect.getPrototypeOf;
  // Clocks finer than Date, and the one function that waits.
  delete globalThis.performance;
  delete globalThis.Atomics;
  delete globalThis.SharedArrayBuffer;
  const nothing = function () {};
  // Vendors leave their debugging in.
  globalThis.console = { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing, trace: nothing };

  // The codec's text as a function that gives the codec's own; undefined where the text is read as a script.
  const make = globalThis.__make;
  delete globalThis.__make;
  let made;
  // Whether it looked in globalThis for what its file declares: only in a script would that be there.
  let looked = false;
  // As it was before any message: names of globals; objects with their keys' number and parent; keys with their value.
  const globals = { __proto__: null }, objects = [], values = [];
  let count = 0;

  function watch(request) {
    const { declared, named, prototypes } = parse(request);
    for (const name of declared) {
      define(globalThis, name, { enumerable: true, get() { looked = true; }, set() { looked = true; } });
    }
    const things = [];
    for (const name of named) {
      const found = about(globalThis, name);
      if (!found?.writable) continue;
      values.push({ object: globalThis, name, value: found.value });
      things.push(found.value);
    }
    for (const name of prototypes) {
      const found = about(globalThis, name);
      if (typeof found?.value === 'function' && found.value.prototype) things.push(found.value.prototype);
    }
    for (const object of things) {
      if (object === null || (typeof object !== 'object' && typeof object !== 'function')) continue;
      const names = keys(object);
      objects.push({ object, count: names.length, parent: parent(object) });
      for (const name of names) {
        const found = about(object, name);
        if (found.writable) values.push({ object, name, value: found.value });
      }
    }
    const names = keys(globalThis);
    count = names.length;
    for (const name of names) globals[name] = true;
  }

  // Delete the globals that came; false: something else is not as before.
  function tidy() {
    const names = keys(globalThis);
    let left = names.length;
    if (left !== count) {
      for (let i = 0; i < names.length; i++) {
        if (globals[names[i]]) continue;
        if (!remove(globalThis, names[i])) return false;
        left--;
      }
      if (left !== count) return false;
    }
    for (let i = 0; i < objects.length; i++) {
      const was = objects[i];
      if (keys(was.object).length !== was.count || parent(was.object) !== was.parent) return false;
    }
    for (let i = 0; i < values.length; i++) {
      const was = values[i];
      if (was.object[was.name] !== was.value) return false;
    }
    return true;
  }

  function renew() {
    made = undefined;
    if (!tidy()) return false;
    made = make.call(globalThis);
    return typeof made === 'function' && !looked;
  }

  // The fields as JSON; '' when a script might have found others.
  function run(form, request) {
    const asked = parse(request);
    const bytes = asked[0], fPort = asked[1], received = asked[2], variables = asked[3];
    let found;
    if (form === 'decodeUplink') {
      const recvTime = received === null ? new NativeDate() : new NativeDate(received);
      const decode = made || decodeUplink;
      found = decode({ bytes, fPort, recvTime, variables });
      if (found === null || typeof found !== 'object') throw new TypeError('decodeUplink gave no object');
      if (found.errors && found.errors.length) throw new Error(String(found.errors[0]));
      found = found.data;
    } else if (form === 'Decode') {
      const decode = made || Decode;
      found = decode(fPort, bytes, variables);
    } else {
      const decode = made || Decoder;
      found = decode(bytes, fPort);
    }
    if (found === null || typeof found !== 'object' || isList(found)) {
      throw new TypeError(form + ' gave no object with fields');
    }
    const answer = text(found);
    // A codec's object may have a toJSON of its own, which can say anything.
    if (typeof answer !== 'string') throw new TypeError(form + ' gave an object that has no JSON');
    return looked ? '' : answer;
  }

  // Names that var and function declare can't be deleted, unlike those that were only assigned.
  function declared() {
    const names = keys(globalThis), found = [];
    for (let i = 0; i < names.length; i++) {
      if (typeof names[i] === 'string' && !about(globalThis, names[i]).configurable) found[found.length] = names[i];
    }
    return text(found);
  }

  return function (what, request) {
    if (what === 'renew') return renew();
    if (what === 'watch') return watch(request);
    if (what === 'declared') return declared();
    return run(what, request);
  };
})()
