// The pure parts of the conference page, run by `node --test` (test_conference_page_parts.py).

import assert from "node:assert/strict";
import { test } from "node:test";

const page = (name) => import(new URL(`../../assets/conference/${name}.js`, import.meta.url));
const { delayOf } = await page("backoff");
const { Assembly, isPart, PART_LENGTH, pictureOf, split } = await page("documents");
const { readPacket } = await page("packet");
const { count, receiving, reduce, sending, START } = await page("state");
const { summarise } = await page("statistics");

const SELF = { id: "me", alias: "甲", role: "expert" };
const after = (...actions) => actions.reduce(reduce, START);
const JOINED = [
  { kind: "join", self: SELF, largeText: false },
  { kind: "phase", phase: "joined" },
  { kind: "people", people: [{ id: "b", alias: "乙", streams: [{ type: "audio", mid: "0" }, { type: "video", mid: "1" }] }] },
];
const READY = [
  ...JOINED,
  { kind: "flow", video: true, audio: true },
  { kind: "protection", video: "live", voice: "live", fault: "" },
];

test("the first retry comes within half a second, none after more than five", () => {
  for (let attempt = 1; attempt < 100; attempt += 1) {
    const most = delayOf(attempt, () => 1);
    assert.ok(most <= (attempt === 1 ? 500 : 5000));
    assert.equal(delayOf(attempt, () => 0), 0);
  }
});

test("everybody joins muted, the camera on", () => {
  assert.deepEqual(sending(after(...READY)), { audio: false, video: true });
});

test("nothing is sent without a wish, a flow, a protection, a meeting and an open booth", () => {
  const talking = [...READY, { kind: "wish", microphone: true }];
  assert.deepEqual(sending(after(...talking)), { audio: true, video: true });
  const stops = [
    { kind: "phase", phase: "lost", attempt: 1 },
    { kind: "hold", on: true },
    { kind: "flow", video: false, audio: false },
    { kind: "protection", video: "proving", voice: "proving", fault: "" },
    { kind: "protection", video: "stopped", voice: "stopped", fault: "mask" },
    { kind: "wish", microphone: false, camera: false },
  ];
  for (const stop of stops) assert.deepEqual(sending(after(...talking, stop)), { audio: false, video: false }, stop.kind);
});

test("muted by the moderator is not muted by oneself, and stays muted when that is lifted", () => {
  const muted = [...READY, { kind: "wish", microphone: true }, { kind: "moderated", id: "me", isMuted: true }];
  assert.equal(after(...muted).moderated, true);
  assert.equal(sending(after(...muted, { kind: "wish", microphone: true })).audio, false);
  const lifted = after(...muted, { kind: "moderated", id: "me", isMuted: false });
  assert.equal(lifted.microphone, false);
  assert.equal(after(...JOINED, { kind: "moderated", id: "b", isMuted: true }).people.b.moderated, true);
});

test("a picture that nobody looks at is not received; its sound is", () => {
  const state = after(...JOINED);
  assert.deepEqual(receiving(state, new Set(["b"])).map((each) => each.type), ["audio", "video"]);
  assert.deepEqual(receiving(state, new Set()).map((each) => each.type), ["audio"]);
});

test("people come and go with their document, and the own one is nobody else", () => {
  const document = { document: "d", from: "b", name: "n", page: 1, pages: 1 };
  const shown = after(...JOINED, { kind: "people", people: [{ id: "me", alias: "x", streams: [] }] }, { kind: "document", document });
  assert.equal(count(shown), 2);
  assert.equal(shown.isStage, true);
  const gone = reduce(shown, { kind: "left", id: "b" });
  assert.equal(count(gone), 1);
  assert.equal(gone.document, null);
  assert.equal(gone.isStage, false);
  assert.equal(reduce(shown, { kind: "document-end", from: "c" }).document, document);
});

test("a line of chat that comes twice is there once", () => {
  const line = { kind: "chat", line: { id: "b 1", alias: "乙", text: "好" } };
  assert.equal(after(line, line, { kind: "chat", line: { ...line.line, id: "b 2" } }).chat.length, 2);
});

test("a page in parts is whole again in any order, and its gaps are known", () => {
  const picture = "QUJD".repeat(20_000);
  const parts = split({ document: "d", name: "n", page: 1, pages: 2, picture });
  assert.ok(parts.every((part) => isPart(part) && JSON.stringify(part).length < 16_000));
  const assembly = new Assembly(parts[0]);
  for (const part of parts.toReversed().slice(1)) assembly.add(part);
  assert.equal(assembly.isComplete, false);
  assert.deepEqual(assembly.missing, [parts.length - 1]);
  assembly.add(parts.at(-1));
  assembly.add(parts.at(-1));
  assert.equal(assembly.picture, picture);
  assert.equal(assembly.isOf({ ...parts[0], page: 2 }), false);
});

test("what is no part is none, whatever is wrong with it", () => {
  const [part] = split({ document: "d", name: "n", page: 1, pages: 1, picture: "QUJD" });
  const wrong = [undefined, null, "", -1, 1.5, 1e9, {}, [], "x".repeat(PART_LENGTH + 1), "<b>"];
  for (const field of ["page", "pages", "part", "parts", "data", "document", "name"]) {
    for (const value of wrong) {
      const isText = ["document", "name"].includes(field) && typeof value === "string" && value.length <= 64;
      if (isText || (field === "data" && value === "")) continue;
      assert.equal(isPart({ ...part, [field]: value }), false, `${field}: ${String(value).slice(0, 20)}`);
    }
  }
});

test("only pictures are shown", () => {
  assert.equal(pictureOf(btoa("\x89PNG....")).type, "image/png");
  assert.equal(pictureOf(btoa("\xff\xd8\xff....")).type, "image/jpeg");
  for (const text of ["", btoa("<svg></svg>"), "%%%"]) assert.equal(pictureOf(text), null);
});

function packet({ kind = 2, flags = 1, width = 0, height = 0, samples = 2, length = 4 } = {}) {
  const view = new DataView(new ArrayBuffer(16 + length));
  [kind, flags].forEach((value, index) => view.setUint8(index, value));
  [width, height, samples].forEach((value, index) => view.setUint16(2 + 2 * index, value, true));
  view.setBigUint64(8, 123_456n, true);
  return view.buffer;
}

test("packets are read as the contract says, others are none", () => {
  assert.deepEqual({ ...readPacket(packet()), payload: 0 },
    { kind: "audio", isProtected: true, width: 0, height: 0, samples: 2, time: 123_456, payload: 0 });
  assert.equal(readPacket(packet({ flags: 0 })).isProtected, false);
  assert.equal(readPacket(packet({ kind: 1, width: 4, height: 2, samples: 0, length: 12 })).kind, "video");
  for (const wrong of [{ kind: 3 }, { samples: 3 }, { samples: 0, length: 0 }, { kind: 1, width: 3, height: 2, length: 9 }, { length: 0 }]) {
    assert.equal(readPacket(packet(wrong)), null, JSON.stringify(wrong));
  }
  for (let turn = 0; turn < 2_000; turn += 1) {
    readPacket(Uint8Array.from({ length: Math.random() * 40 }, () => Math.random() * 256).buffer);
  }
});

test("statistics are of the time between two looks, and -1 without a figure", () => {
  const look = (bytes, packets, lost, timestamp) => [
    { id: "t", type: "transport", bytesSent: bytes, bytesReceived: 2 * bytes, timestamp },
    { id: "i", type: "inbound-rtp", packetsReceived: packets, packetsLost: lost, jitter: 0.012 },
    { id: "c", type: "candidate-pair", nominated: true, currentRoundTripTime: 0.03 },
    { id: "o", type: "outbound-rtp", kind: "video", isOwn: true, frameWidth: 640, frameHeight: 360, framesPerSecond: 15 },
  ];
  const first = look(1_000, 100, 0, 1_000);
  assert.deepEqual(summarise(first, look(0, 10, 0, 0)), {
    rtt_ms: 30, jitter_ms: 12, loss: 0, sent_kbps: 8, received_kbps: 16, width: 640, height: 360, fps: 15,
  });
  assert.equal(summarise(look(2_000, 130, 10, 2_000), first).loss, 0.25);
  const nothing = summarise([], []);
  assert.deepEqual([nothing.rtt_ms, nothing.jitter_ms, nothing.sent_kbps, nothing.width], [-1, -1, -1, 0]);
});
