// Runs in a worker: the protected streams from the media process to the tracks' writable ends. Nothing is kept: a
// picture that the engine is not ready for is dropped, and a packet that is not marked as protected goes nowhere.

import { readPacket } from "./packet.js";

const SILENCE_MS = 1_000;
const LOOK_MS = 200;
const RETRY_MS = 500;

let writers = {};
let socket = null;
let address = "";
let retry = 0;
const last = { video: 0, audio: 0 };
let told = "";

self.addEventListener("message", ({ data }) => {
  if (data.video) writers = { video: data.video.getWriter(), audio: data.audio.getWriter() };
  if (data.address !== undefined) open(data.address);
});

setInterval(tellFlow, LOOK_MS);

function open(newAddress) {
  address = newAddress;
  clearTimeout(retry);
  const old = socket;
  socket = null;
  old?.close();
  if (!address) return;
  const made = new WebSocket(address);
  socket = made;
  made.binaryType = "arraybuffer";
  made.addEventListener("message", ({ data }) => {
    if (made === socket && data instanceof ArrayBuffer) take(data);
  });
  made.addEventListener("close", () => {
    if (made === socket) retry = setTimeout(() => open(address), RETRY_MS);
  });
}

function take(buffer) {
  const packet = readPacket(buffer);
  if (packet === null || !packet.isProtected) return;
  last[packet.kind] = performance.now();
  const writer = writers[packet.kind];
  if (writer.desiredSize > 0) writer.write(packet.kind === "video" ? pictureOf(packet) : soundOf(packet)).catch(() => {});
  tellFlow();
}

function pictureOf({ width, height, time, payload }) {
  return new VideoFrame(payload, { format: "I420", codedWidth: width, codedHeight: height, timestamp: time });
}

function soundOf({ samples, time, payload }) {
  return new AudioData({
    format: "s16", sampleRate: 48_000, numberOfChannels: 1, numberOfFrames: samples, timestamp: time, data: payload,
  });
}

/** Tell the page which streams really come, when that changes. */
function tellFlow() {
  const now = performance.now();
  const flow = { video: isFresh(last.video, now), audio: isFresh(last.audio, now) };
  const text = JSON.stringify(flow);
  if (text === told) return;
  told = text;
  self.postMessage(flow);
}

function isFresh(time, now) {
  return time > 0 && now - time < SILENCE_MS;
}
