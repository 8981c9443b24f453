// Makes window.workstation from Qt's web channel. QWebChannel is Qt's qwebchannel.js, pasted in front of this.
// Nothing here is trusted by the booth: whatever a page sends is read and checked on the other side.
"use strict";
const { Promise, Error, Map, Object, JSON, crypto } = window;
const transport = window.qt && window.qt.webChannelTransport;
if (!transport) return;
const stringify = JSON.stringify.bind(JSON);
const parse = JSON.parse.bind(JSON);
const newId = crypto.randomUUID ? crypto.randomUUID.bind(crypto) : null;
const waiting = new Map();
let counter = 0;
const ready = new Promise((resolve) => {
  new QWebChannel(transport, (channel) => {
    const booth = channel.objects.workstation;
    booth.answered.connect((text) => {
      const answer = parse(text);
      const call = waiting.get(answer.id);
      if (!call) return;
      waiting.delete(answer.id);
      if (answer.problem) call.reject(new Error(answer.problem));
      else call.resolve(Object.freeze(answer.value));
    });
    resolve(booth);
  });
});
const ask = (method, payload) =>
  ready.then((booth) => new Promise((resolve, reject) => {
    counter += 1;
    const id = newId ? newId() : "call-" + counter;
    const text = stringify(payload === undefined ? { id, method } : { id, method, payload });
    if (waiting.size >= 64) { reject(new Error("too-many")); return; }
    waiting.set(id, { resolve, reject });
    booth.call(text, (taken) => {
      if (taken === "") return;
      waiting.delete(id);
      reject(new Error(taken));
    });
  }));
const workstation = Object.freeze({
  apiVersion: 1,
  facts: () => ask("facts"),
  requestSignature: (payload) => ask("requestSignature", payload === undefined ? null : payload),
});
Object.defineProperty(window, "workstation", { value: workstation, enumerable: true });
