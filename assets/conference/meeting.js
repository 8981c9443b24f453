// The meeting: joined, kept, and joined again after every loss until it is left.

import { delayOf } from "./backoff.js";
import { DesktopWatch, publishScreen, Screen } from "./desktop.js";
import { LIMITS, Publisher } from "./publisher.js";
import { MeetingError, openSession, releaseSession } from "./session.js";
import { MAX_CHAT_LENGTH, receiving, sending } from "./state.js";
import { collect, summarise } from "./statistics.js";
import { Subscriber } from "./subscriber.js";
import { Text } from "./text.js";

const LARGE_HEIGHT = 720;
const STATISTICS_MS = 3_000;
const DESKTOP_RETRY_MS = 3_000;
const NO_DESKTOP = { running: false, age_s: -1 };

/** See `run`. */
export class Meeting {
  #store;
  #sharing;
  #tracks;
  #listeners;
  #ticket = null;
  #screen = new Screen();
  #link = null; // what there is of the present connection
  #isLeft = false;
  #wake = () => {};

  /**
   * @param {object} store - see store.js.
   * @param {object} sharing - see sharing.js; sends and receives documents over whatever connection there is.
   * @param {() => object} tracks - the own tracks by kind.
   * @param {object} listeners - track(id, kind, track), screen(id, track), statistics(figures),
   *   desktop(desktop), seen() for whose pictures are looked at.
   */
  constructor(store, sharing, tracks, listeners) {
    this.#store = store;
    this.#sharing = sharing;
    this.#tracks = tracks;
    this.#listeners = listeners;
    store.follow(() => this.#apply());
  }

  /** A ticket for the next attempt. */
  renew(ticket) {
    this.#ticket = ticket;
  }

  /** Join with the ticket of `renew`, and stay until `leave`. */
  async run() {
    for (let attempt = 0; !this.#isLeft; ) {
      if (attempt === 0) this.#store.dispatch({ kind: "phase", phase: "joining" });
      let reason;
      try {
        reason = await this.#stay(() => {
          attempt = 0;
        });
      } catch (error) {
        reason = error.reason ?? "page-error";
      }
      if (this.#isLeft) break;
      attempt += 1;
      this.#store.dispatch({ kind: "phase", phase: "lost", attempt, reason });
      await this.#pause(delayOf(attempt));
    }
    this.#screen.stop();
    this.#store.dispatch({ kind: "phase", phase: "left" });
  }

  /** Leave for good. */
  leave() {
    this.#isLeft = true;
    this.#link?.lose("left");
    this.#wake();
  }

  /** As a moderator: mute these people's sound at the server, or lift that. */
  moderate(ids, isMuted) {
    const { people } = this.#store.state;
    for (const id of ids) if (people[id]) this.#link?.publisher?.moderate(people[id], isMuted);
  }

  /** As a moderator: lower somebody's hand; everybody's without an id. */
  lower(id = "") {
    this.#link?.text?.announce({ kind: "lower", id });
  }

  async say(text) {
    if (!this.#link?.text) throw new MeetingError("no-text");
    await this.#link.text.chat({ kind: "chat", id: crypto.randomUUID(), alias: this.#store.state.self.alias, text });
  }

  /** Connect, and return why it ended. */
  async #stay(onJoined) {
    const ticket = this.#ticket;
    let lose;
    const lost = new Promise((resolve) => {
      lose = resolve;
    });
    const link = { lose, ends: [], told: "" };
    this.#link = link;
    try {
      await Promise.race([this.#connect(link, ticket), lost.then((reason) => Promise.reject(new MeetingError(reason)))]);
      this.#store.dispatch({ kind: "phase", phase: "joined" });
      onJoined();
      this.#watchDesktops(link, ticket);
      return await lost;
    } finally {
      this.#link = null;
      for (const end of link.ends) end();
      const id = link.session?.id;
      link.session?.close();
      this.#sharing.disconnect();
      if (id && !this.#isLeft) await releaseSession(ticket, id);
    }
  }

  async #connect(link, ticket) {
    const self = { id: ticket.participant_id, alias: ticket.alias };
    const { dispatch } = this.#store;
    link.session = await openSession(ticket, link.lose);
    link.subscriber = new Subscriber(link.session, ticket.meeting, (id, mid, track) => this.#listeners.track(id, track), link.lose);
    link.publisher = await Publisher.join(link.session, ticket.meeting, self, {
      people: (people) => dispatch({ kind: "people", people }),
      left: (id) => dispatch({ kind: "left", id }),
      talking: (id, isTalking) => dispatch({ kind: "talking", id, isTalking }),
      moderated: (id, _mid, isMuted) => dispatch({ kind: "moderated", id, isMuted }),
      kicked: () => link.lose("kicked"),
    });
    const tracks = this.#tracks();
    if (tracks.audio || tracks.video) await link.publisher.publish(tracks, LIMITS.small);
    link.text = await Text.join(link.session, ticket.meeting, self, {
      chat: (message) => this.#takeChat(message, self),
      signal: (from, body, isOfModerator) => this.#takeSignal(link, from, body, isOfModerator),
      left: (id) => this.#sharing.left(id),
      kicked: () => link.lose("kicked"),
    });
    link.ends.push(() => link.text.close());
    this.#sharing.connect((body, to) => link.text.signal(body, to), (id) => link.text.knows(id));
    this.#tellState(link, "hello");
    const timer = setInterval(() => this.#measure(link), STATISTICS_MS);
    link.ends.push(() => clearInterval(timer));
  }

  /** The desktop's own way: without it the meeting goes on, and it is tried again. */
  async #watchDesktops(link, ticket) {
    if (!ticket.desktop) return;
    const self = { id: ticket.participant_id, alias: ticket.alias };
    const { dispatch } = this.#store;
    try {
      if (ticket.role === "supervisor") {
        link.watch = await DesktopWatch.join(link.session, ticket.desktop, self, {
          list: (desktops) => dispatch({ kind: "desktops", desktops }),
          track: (id, _mid, track) => this.#listeners.screen(id, track),
          lost: link.lose,
        });
        this.#apply();
      } else if (ticket.plan.desktop && this.#sharing.isBooth) {
        const end = await publishScreen(link.session, ticket.desktop, self, this.#screen, (desktop) => {
          this.#tellDesktop(desktop);
          if (!desktop.running && this.#link === link) link.lose("desktop-ended");
        });
        link.ends.push(end, () => this.#tellDesktop(NO_DESKTOP));
      }
    } catch {
      this.#tellDesktop(NO_DESKTOP);
      const timer = setTimeout(() => this.#watchDesktops(link, ticket), DESKTOP_RETRY_MS);
      link.ends.push(() => clearTimeout(timer));
    }
  }

  #tellDesktop(desktop) {
    this.#store.dispatch({ kind: "desktop", desktop });
    this.#listeners.desktop(desktop);
  }

  /** Make the connection follow the state. */
  #apply() {
    const link = this.#link;
    const { state } = this.#store;
    if (!link?.publisher) return;
    const now = sending(state);
    for (const kind of ["audio", "video"]) link.publisher.setSending(kind, now[kind]).catch(() => link.lose("page-error"));
    link.subscriber.want(receiving(state, this.#listeners.seen()));
    link.watch?.want(state.watched);
    if (link.text) this.#tellState(link, "state");
  }

  /** Tell the others the own hand and what is sent, when that changed; to a newcomer always. */
  #tellState(link, kind, to) {
    const { state } = this.#store;
    const now = sending(state);
    const facts = { hand: state.hand, microphone: now.audio, camera: now.video };
    const text = JSON.stringify(facts);
    if (kind === "state" && !to && text === link.told) return;
    link.told = text;
    link.text.signal({ kind, ...facts }, to);
  }

  #takeChat({ from, alias, date, body }, self) {
    if (body.kind !== "chat" || typeof body.text !== "string" || typeof body.id !== "string") return;
    const line = { id: `${from} ${body.id}`, from, alias, text: body.text.slice(0, MAX_CHAT_LENGTH), at: date ?? "", isOwn: from === self.id };
    this.#store.dispatch({ kind: "chat", line });
  }

  #takeSignal(link, from, body, isOfModerator) {
    const { dispatch, state } = this.#store;
    if (isOfModerator) {
      if (body.kind === "lower" && (body.id === "" || body.id === state.self.id)) dispatch({ kind: "hand", up: false });
    } else if (body.kind === "hello" || body.kind === "state") {
      if (body.kind === "hello") this.#tellState(link, "state", from);
      dispatch({ kind: "signalled", id: from, hand: body.hand === true, microphone: body.microphone === true, camera: body.camera === true });
      if (body.kind === "hello") this.#sharing.greet(from);
    } else {
      this.#sharing.take(from, body);
    }
  }

  async #measure(link) {
    const reports = await collect(link.session.connections, link.publisher.connection);
    const figures = summarise(reports, link.reports ?? []);
    link.reports = reports;
    this.#listeners.statistics(figures);
    const size = figures.height >= LARGE_HEIGHT ? LIMITS.large : LIMITS.small;
    if (size !== link.size) {
      link.size = size;
      await link.publisher.limit(size).catch(() => {});
    }
  }

  #pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
