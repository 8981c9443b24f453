// Wires the page together: the application or the browser around it, the meeting, and what is seen.

import { connectBooth, isInBooth } from "./booth.js";
import { pictureOf } from "./documents.js";
import { browserStreams, ProtectedStreams } from "./media.js";
import { Meeting } from "./meeting.js";
import { Sharing } from "./sharing.js";
import { count, MAX_CHAT_LENGTH } from "./state.js";
import { Store } from "./store.js";
import { takeTicket } from "./ticket.js";
import { View } from "./view.js";

const MAX_IMAGE_BYTES = 6_000_000;

const store = new Store();
const isBooth = isInBooth();
let say = () => {};
let streams = null;
let tracks = {};
let presented = { document: "", name: "" };

const commands = {
  microphone: () => wish({ microphone: !store.state.microphone }),
  camera: () => wish({ camera: !store.state.camera }),
  hand: () => store.dispatch({ kind: "hand", up: !store.state.hand }),
  share: () => (sharing.isPresenting ? commands.stopSharing() : present()),
  stopSharing() {
    sharing.stop();
    say({ kind: "stop-presenting" });
  },
  turn: (page) => say({ kind: "turn", page }),
  say: (text) => meeting.say(text.slice(0, MAX_CHAT_LENGTH)),
  stage: (on) => store.dispatch({ kind: "stage", on }),
  moderate: (id, isMuted) => meeting.moderate([id], isMuted),
  muteAll: () => meeting.moderate(Object.keys(store.state.people), true),
  lower: (id) => meeting.lower(id),
  lowerAll: () => meeting.lower(),
  watch: (id, on) => store.dispatch({ kind: "watch", id, on }),
};

const view = new View(commands);
const sharing = new Sharing(store, isBooth, (picture) => view.stage.setPicture(picture), () => say({ kind: "stop-presenting" }));
const meeting = new Meeting(store, sharing, () => tracks, {
  track: (id, track) => view.tiles.setTrack(id, track),
  screen: (id, track) => view.desktops.setTrack(id, track),
  desktop: (desktop) => say({ kind: "desktop", ...desktop }),
  statistics: (figures) => say({ kind: "statistics", ...figures }),
  seen: () => view.tiles.seen,
});

document.body.replaceChildren(view.element);
store.follow((state) => view.render(state));
store.follow(tellChanges());
view.render(store.state);
if (isBooth) await beInBooth();
else await beInBrowser();

async function beInBooth() {
  streams = new ProtectedStreams((flow) => store.dispatch({ kind: "flow", ...flow }));
  ({ tracks } = streams);
  ({ say } = await connectBooth((message) => HEARD[message.kind]?.(message)));
  say({ kind: "ready" });
}

async function beInBrowser() {
  const ticket = takeTicket();
  if (!ticket) {
    store.dispatch({ kind: "phase", phase: "idle", reason: "no-ticket" });
    return;
  }
  document.body.classList.add("browser");
  tracks = await browserStreams();
  store.dispatch({ kind: "flow", video: Boolean(tracks.video), audio: Boolean(tracks.audio) });
  store.dispatch({ kind: "protection", video: "live", voice: "live", fault: "" });
  enter(ticket, false);
}

const HEARD = {
  join({ ticket, media, large_text: largeText }) {
    streams.open(media);
    if (store.state.phase === "idle" || store.state.phase === "left") enter(ticket, largeText);
    else meeting.renew(ticket);
  },
  renew: ({ ticket }) => meeting.renew(ticket),
  hold: ({ on }) => store.dispatch({ kind: "hold", on }),
  protected: ({ video, voice, fault }) => store.dispatch({ kind: "protection", video, voice, fault }),
  level: ({ dbfs, speaking }) => store.dispatch({ kind: "level", dbfs, speaking }),
  "document-page"({ name, page, pages, picture }) {
    if (!sharing.isPresenting || presented.name !== name) presented = { document: crypto.randomUUID(), name };
    sharing.present({ ...presented, page, pages, picture });
  },
  "document-end": () => sharing.stop(),
  leave() {
    streams.close();
    meeting.leave();
  },
  sound: () => view.tiles.playAgain(),
};

function enter(ticket, largeText) {
  const self = { id: ticket.participant_id, alias: ticket.alias, role: ticket.role };
  store.dispatch({ kind: "join", self, largeText });
  if (tracks.video) view.tiles.setTrack(self.id, tracks.video);
  meeting.renew(ticket);
  meeting.run();
}

function wish(change) {
  store.dispatch({ kind: "wish", ...change });
}

/** In the booth the application lets the expert choose; in a browser a picture from a file. */
function present() {
  if (isBooth) {
    say({ kind: "present" });
    return;
  }
  const input = document.createElement("input");
  input.type = "file";
  input.accept = "image/png,image/jpeg,image/webp";
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file || file.size > MAX_IMAGE_BYTES) return;
    const picture = base64Of(new Uint8Array(await file.arrayBuffer()));
    if (pictureOf(picture)) sharing.present({ document: crypto.randomUUID(), name: file.name.slice(0, 200), page: 1, pages: 1, picture });
  });
  input.click();
}

function base64Of(bytes) {
  let text = "";
  for (let start = 0; start < bytes.length; start += 0x8000) text += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(text);
}

/** @returns {(state: object) => void} tells the application what changed since the last call. */
function tellChanges() {
  const told = {};
  const tell = (message) => {
    const text = JSON.stringify(message);
    if (told[message.kind] === text) return;
    told[message.kind] = text;
    say(message);
  };
  return (state) => {
    if (state.phase === "idle") return;
    tell({ kind: "phase", phase: state.phase, people: count(state), attempt: state.attempt, reason: state.reason });
    tell({ kind: "wish", microphone: state.microphone, camera: state.camera });
    tell({ kind: "muted", by_moderator: state.moderated });
    tell({ kind: "stage", on: state.isStage });
  };
}
