// The grid of pictures: everybody by alias, who speaks, who is muted by whom, whose hand is up.

import { element, setText, show } from "./element.js";
import { icon, setIcon } from "./icons.js";
import { words } from "./words.js";

const MOST_PICTURES = 6;
const QUIETEST_DBFS = -60;

/** Keeps one tile per person, the own one first. */
export class Tiles {
  #tiles = new Map();
  #tracks = new Map(); // by person, then kind
  #seen = new Set();
  #commands;

  /** @param {object} commands - moderate(id, isMuted), lower(id): for a moderator's tiles. */
  constructor(commands) {
    this.#commands = commands;
    this.element = element("div.tiles", { attributes: { role: "list" } });
    new IntersectionObserver((entries) => this.#observe(entries)).observe(this.element);
  }

  /** Whose pictures are looked at; those of others are not received. */
  get seen() {
    return this.#seen;
  }

  /** Show this track in the person's tile from now on. */
  setTrack(id, track) {
    const tracks = this.#tracks.get(id) ?? {};
    this.#tracks.set(id, { ...tracks, [track.kind]: track });
    const tile = this.#tiles.get(id);
    if (tile) tile.setTracks(this.#tracks.get(id));
  }

  /** Play all sound anew, to the playback device that is now the system's default. */
  playAgain() {
    for (const tile of this.#tiles.values()) tile.playAgain();
  }

  render(state) {
    const people = [
      ...(state.self ? [ownPerson(state)] : []),
      ...Object.values(state.people).sort((a, b) => (a.id < b.id ? -1 : 1)),
    ];
    this.#seen = new Set(people.slice(0, MOST_PICTURES).map((each) => each.id));
    const present = new Set(people.map((each) => each.id));
    for (const [id, tile] of this.#tiles) {
      if (present.has(id)) continue;
      tile.element.remove();
      this.#tiles.delete(id);
      if (id !== state.self?.id) this.#tracks.delete(id);
    }
    for (const person of people) {
      if (!this.#tiles.has(person.id)) this.#add(person.id);
      this.#tiles.get(person.id).render(person, state);
    }
    this.element.dataset.count = String(people.length);
  }

  #add(id) {
    const tile = new Tile(id, this.#commands);
    this.#tiles.set(id, tile);
    this.element.append(tile.element);
    const tracks = this.#tracks.get(id);
    if (tracks) tile.setTracks(tracks);
  }

  /** Pictures of a folded pane cost nothing: their elements do not play. */
  #observe(entries) {
    const isVisible = entries.at(-1).isIntersecting;
    this.element.classList.toggle("unseen", !isVisible);
  }
}

function ownPerson(state) {
  return {
    id: state.self.id, alias: state.self.alias, isSelf: true, hand: state.hand, microphone: state.microphone,
    camera: state.camera && state.flow.video && state.protection.video === "live", moderated: state.moderated,
  };
}

/** One person. */
class Tile {
  #video = element("video", { autoplay: true, muted: true, playsInline: true });
  #audio = element("audio", { autoplay: true });
  #blank = element("div.blank", {}, icon("person"));
  #alias = element("span.alias");
  #self = element("span.me", { textContent: ` · ${words.self}` });
  #sound = element("span.sound");
  #hand = element("span.hand", { title: words.handUp }, icon("hand"));
  #note = element("span.note");
  #level = element("span.level", {}, element("i"));
  #muteButton;
  #lowerButton;
  #person = null;

  constructor(id, commands) {
    this.#muteButton = element("button", { type: "button", onclick: () => commands.moderate(id, !this.#person.moderated) });
    this.#lowerButton = element("button", { type: "button", textContent: words.lowerThis, onclick: () => commands.lower(id) });
    this.element = element(
      "div.tile", { attributes: { role: "listitem" } }, this.#blank, this.#video, this.#audio,
      element("div.tag", {}, this.#sound, this.#alias, this.#self), this.#hand, this.#note, this.#level,
      element("div.tools", {}, this.#muteButton, this.#lowerButton),
    );
    this.element.dataset.id = id;
  }

  setTracks({ video, audio }) {
    play(this.#video, video);
    play(this.#audio, audio);
  }

  playAgain() {
    if (this.#audio.srcObject) this.#audio.srcObject = new MediaStream(this.#audio.srcObject.getTracks());
  }

  render(person, state) {
    this.#person = person;
    const isPlayed = !state.held;
    this.#audio.muted = !isPlayed || Boolean(person.isSelf);
    this.element.classList.toggle("talk", state.speaker === person.id && person.microphone);
    this.element.classList.toggle("self", Boolean(person.isSelf));
    const hasPicture = person.camera && isPlayed;
    show(this.#video, hasPicture);
    show(this.#blank, !hasPicture);
    setText(this.#alias, person.alias);
    show(this.#self, Boolean(person.isSelf));
    setIcon(this.#sound, person.microphone ? "microphone" : "microphone-off");
    this.#sound.className = `sound ${person.moderated ? "moderated" : person.microphone ? "on" : "off"}`;
    this.#sound.title = person.moderated ? words.mutedByModerator : person.microphone ? "" : words.mutedByUser;
    show(this.#hand, person.hand);
    const isProving = Boolean(person.isSelf) && state.camera && state.protection.video === "proving";
    show(this.#note, isProving || person.moderated);
    setText(this.#note, isProving ? words.proving : words.mutedByModerator);
    show(this.#level, Boolean(person.isSelf) && person.microphone);
    const loudness = Math.min(1, Math.max(0, 1 - state.level.dbfs / QUIETEST_DBFS));
    this.#level.firstChild.style.transform = `scaleX(${loudness.toFixed(2)})`;
    const canModerate = state.self?.role === "moderator" && !person.isSelf;
    show(this.#muteButton.parentElement, canModerate);
    setText(this.#muteButton, person.moderated ? words.unmuteThis : words.muteThis);
    show(this.#lowerButton, person.hand);
  }
}

/** Let a media element play this track; nothing is done when it does already. */
export function play(media, track) {
  const [current] = media.srcObject?.getTracks() ?? [];
  if (!track || current === track) return;
  media.srcObject = new MediaStream([track]);
  media.play().catch(() => {}); // a browser may want a gesture first; any press on the page then starts it
}
