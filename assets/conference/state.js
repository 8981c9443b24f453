// What the page knows of the meeting, and how each event changes it. Pure: no element, no connection, no clock.

export const MAX_CHAT_LENGTH = 2_000;
const MAX_CHAT_LINES = 500;

/** @typedef {{id: string, alias: string, streams: object[], hand: boolean, microphone: boolean, camera: boolean,
 *   moderated: boolean}} Person */

/** Before anything happened. */
export const START = Object.freeze({
  phase: "idle", // then joining, joined, lost, left
  attempt: 0,
  reason: "",
  self: null, // {id, alias, role}
  people: {}, // others by id
  speaker: "",
  hand: false,
  microphone: false,
  camera: true,
  moderated: false,
  held: false,
  protection: { video: "off", voice: "off", fault: "" },
  flow: { video: false, audio: false },
  level: { dbfs: -100, speaking: false },
  chat: [], // {id, from, alias, text, at, isOwn}
  document: null, // {document, from, alias, name, page, pages, isOwn, hasPicture, missing}
  isStage: false,
  desktop: null, // {running, age_s}
  desktops: {}, // what a supervisor can watch: alias by id
  watched: [],
  largeText: false,
  now: "",
});

const NOBODY = { alias: "", streams: [], hand: false, microphone: false, camera: false, moderated: false };

const REDUCERS = {
  join: (state, { self, largeText }) => ({ ...state, self, largeText, phase: "joining", camera: state.self ? state.camera : true }),
  phase: (state, { phase, attempt = 0, reason = "" }) => ({
    ...state, phase, attempt, reason,
    ...(phase === "joined" ? {} : { people: {}, speaker: "", desktops: {}, watched: phase === "left" ? [] : state.watched }),
    ...(phase === "left" ? { document: null, isStage: false, chat: [], hand: false } : {}),
  }),
  people: (state, { people }) => ({ ...state, people: people.reduce(merged(state.self), state.people) }),
  left: (state, { id }) => endDocumentOf(
    { ...state, people: without(state.people, id), speaker: state.speaker === id ? "" : state.speaker }, id),
  talking: (state, { id, isTalking }) => ({ ...state, speaker: isTalking ? id : state.speaker === id ? "" : state.speaker }),
  moderated: (state, { id, isMuted }) => id === state.self?.id
    ? { ...state, moderated: isMuted, microphone: state.microphone && !isMuted }
    : changed(state, id, { moderated: isMuted }),
  signalled: (state, { id, hand, microphone, camera }) => changed(state, id, { hand, microphone, camera }),
  hand: (state, { up }) => ({ ...state, hand: up }),
  wish: (state, { microphone = state.microphone, camera = state.camera }) => ({
    ...state, camera, microphone: microphone && !state.moderated,
  }),
  hold: (state, { on }) => ({ ...state, held: on }),
  protection: (state, { video, voice, fault }) => ({ ...state, protection: { video, voice, fault } }),
  flow: (state, { video, audio }) => ({ ...state, flow: { video, audio } }),
  level: (state, { dbfs, speaking }) => ({ ...state, level: { dbfs, speaking } }),
  chat: (state, { line }) => state.chat.some((each) => each.id === line.id) ? state
    : { ...state, chat: [...state.chat, line].slice(-MAX_CHAT_LINES) },
  document: (state, { document }) => ({ ...state, document, isStage: state.isStage || !state.document }),
  "document-end": (state, { from }) => endDocumentOf(state, from),
  stage: (state, { on }) => ({ ...state, isStage: on && state.document !== null }),
  desktop: (state, { desktop }) => ({ ...state, desktop }),
  desktops: (state, { desktops }) => ({ ...state, desktops, watched: state.watched.filter((id) => id in desktops) }),
  watch: (state, { id, on }) => ({ ...state, watched: [...state.watched.filter((each) => each !== id), ...(on ? [id] : [])] }),
};

/** @returns {object} the state after the action. An action of no known kind is a fault of ours. */
export function reduce(state, action) {
  return REDUCERS[action.kind](state, action);
}

/** What leaves the booth now. A stream is sent when it is wished, really flows, and nothing forbids it. */
export function sending(state) {
  const may = state.phase === "joined" && !state.held;
  return {
    audio: may && state.microphone && !state.moderated && state.flow.audio && state.protection.voice === "live",
    video: may && state.camera && state.flow.video && state.protection.video === "live",
  };
}

/** What is received: everybody's sound, and the pictures that are seen. */
export function receiving(state, seen) {
  const streams = Object.values(state.people).flatMap((person) =>
    person.streams.map(({ type, mid }) => ({ feed: person.id, mid, type })));
  return streams.filter(({ feed, type }) => type === "audio" || (type === "video" && !state.held && seen.has(feed)));
}

/** How many are in the meeting, the one before this screen included. */
export function count(state) {
  return Object.keys(state.people).length + (state.phase === "joined" ? 1 : 0);
}

const merged = (self) => (people, person) => {
  if (person.id === self?.id) return people;
  const known = people[person.id] ?? { ...NOBODY, id: person.id };
  const moderated = person.streams.some((each) => each.moderated);
  return { ...people, [person.id]: { ...known, ...person, alias: person.alias || known.alias, moderated: moderated || known.moderated } };
};

function changed(state, id, change) {
  const person = state.people[id];
  return person ? { ...state, people: { ...state.people, [id]: { ...person, ...change } } } : state;
}

function without(record, id) {
  const { [id]: _, ...rest } = record;
  return rest;
}

function endDocumentOf(state, from) {
  return state.document?.from === from ? { ...state, document: null, isStage: false } : state;
}
