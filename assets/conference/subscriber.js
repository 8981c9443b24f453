// Everything that is received from one room, over one peer connection. Streams are asked for and given up as the view
// wants them; one change is under way at a time, because two negotiations of a connection cannot cross.

const PLUGIN = "janus.plugin.videoroom";

/** A stream's name: who sends it and its `mid` there. */
export const nameOf = (feed, mid) => `${feed} ${mid}`;

/** Follows what `want` says. Calls `onTrack(feed, mid, track | null)`. */
export class Subscriber {
  #session;
  #access;
  #onTrack;
  #onLost;
  #handle = null;
  #wanted = new Map();
  #held = new Map();
  #tracks = new Map();
  #shown = new Map();
  #isBusy = false;

  constructor(session, access, onTrack, onLost) {
    this.#session = session;
    this.#access = access;
    this.#onTrack = onTrack;
    this.#onLost = onLost;
  }

  /** @param {{feed: string, mid: string}[]} streams - all that shall be received from now on. */
  want(streams) {
    this.#wanted = new Map(streams.map(({ feed, mid }) => [nameOf(feed, mid), { feed, mid }]));
    this.#follow();
  }

  async #follow() {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (await this.#step());
    } catch (error) {
      this.#onLost(error.reason ?? "server-error");
    } finally {
      this.#isBusy = false;
    }
  }

  /** Make one change; say whether there may be another. */
  async #step() {
    const missing = [...this.#wanted].filter(([name]) => !this.#held.has(name)).map(([, stream]) => stream);
    const surplus = [...this.#held].filter(([name]) => !this.#wanted.has(name)).map(([, stream]) => stream);
    if (!missing.length && !surplus.length) return false;
    const request = this.#handle
      ? { request: "update", ...(missing.length && { subscribe: missing }), ...(surplus.length && { unsubscribe: surplus }) }
      : { request: "join", ptype: "subscriber", room: this.#access.room, pin: this.#access.pin, streams: missing, autoupdate: false };
    this.#handle ??= await this.#session.attach(PLUGIN, { track: (track, mid) => this.#takeTrack(track, mid) });
    const { message, jsep } = await this.#handle.ask(request, (each) => ["attached", "updated"].includes(each.videoroom));
    this.#take(message.streams ?? [], missing);
    if (jsep) await this.#answer(jsep);
    return true;
  }

  async #answer(jsep) {
    const answer = await this.#handle.createAnswer(jsep, []);
    await this.#handle.ask({ request: "start" }, (each) => each.started === "ok", answer);
  }

  /** Learn from the server which of its `mid`s carry whose streams. */
  #take(streams, asked) {
    const active = streams.filter((each) => each.active !== false && each.feed_id);
    this.#shown = new Map(active.map((each) => [each.mid, { feed: each.feed_id, mid: each.feed_mid }]));
    // Who asked in vain (the sender has just left) does not ask again: news of the room will change what is wanted.
    const held = [...this.#shown.values(), ...asked];
    this.#held = new Map(held.map((each) => [nameOf(each.feed, each.mid), each]));
    for (const [mid, track] of this.#tracks) this.#show(mid, track);
  }

  #takeTrack(track, mid) {
    this.#tracks.set(mid, track);
    this.#show(mid, track);
  }

  #show(mid, track) {
    const stream = this.#shown.get(mid);
    if (stream) this.#onTrack(stream.feed, stream.mid, track);
  }
}
