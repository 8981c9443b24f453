// The TextRooms of a meeting: chat with history, and beside it the signals (hands, states, pages of documents).

const PLUGIN = "janus.plugin.textroom";
const HIGH_WATER = 256_000;
const LOW_WATER_POLL_MS = 20;
const MAX_ALIAS = 40;

/** What the room beside the chat is called; the server keeps no history of it. */
export const signalsOf = (room) => `${room}-documents`;

/** Both rooms over one data channel. */
export class Text {
  #handle;
  #access;
  #id;
  #listeners;
  #waiting = new Map();
  #counter = 0;
  #names = new Map();

  /**
   * @param {object} access - RoomAccess of the meeting.
   * @param {{id: string, alias: string}} self
   * @param {object} listeners - chat({from, alias, date, body}), signal(from, body, isOfModerator), left(id), kicked().
   */
  static async join(session, access, self, listeners) {
    const text = new Text();
    text.#access = access;
    text.#id = self.id;
    text.#names.set(self.id, self.alias);
    text.#listeners = listeners;
    await text.#open(session);
    for (const room of [access.room, signalsOf(access.room)]) {
      const { participants = [] } = await text.#ask({
        textroom: "join", room, pin: access.pin, username: self.id, display: self.alias,
      });
      for (const { username, display } of participants) text.#names.set(username, display);
    }
    return text;
  }

  async #open(session) {
    let opened;
    const isOpen = new Promise((resolve) => {
      opened = resolve;
    });
    this.#handle = await session.attach(PLUGIN, { data: (raw) => this.#hear(JSON.parse(raw)), dataOpen: opened });
    const { jsep } = await this.#handle.ask({ request: "setup" }, (each) => each.textroom === "event");
    const answer = await this.#handle.createAnswer(jsep, [{ type: "data" }]);
    this.#handle.tell({ request: "ack" }, answer);
    await isOpen;
  }

  /** Nothing is answered any more. */
  close() {
    for (const { reject } of this.#waiting.values()) reject(new Error("the connection is gone"));
    this.#waiting.clear();
  }

  /** Whether somebody of this id has been in the rooms since the connection began. */
  knows(id) {
    return this.#names.has(id);
  }

  /** Say something to everybody, those who come later included. */
  chat(body) {
    return this.#ask({ textroom: "message", room: this.#access.room, text: JSON.stringify(body) });
  }

  /** Tell everybody, or only `to`, something that is gone afterwards. */
  async signal(body, to) {
    while (this.#handle.bufferedAmount > HIGH_WATER) {
      await new Promise((resolve) => {
        setTimeout(resolve, LOW_WATER_POLL_MS);
      });
    }
    const room = signalsOf(this.#access.room);
    this.#send({ textroom: "message", room, text: JSON.stringify(body), ack: false, ...(to ? { to } : {}) });
  }

  /** As a moderator: the server lets it through only with the room's secret, so nobody can pretend. */
  announce(body) {
    const room = signalsOf(this.#access.room);
    this.#send({ textroom: "announcement", room, secret: this.#access.secret, text: JSON.stringify(body) });
  }

  #send(message) {
    this.#counter += 1;
    this.#handle.sendData(JSON.stringify({ ...message, transaction: String(this.#counter) }));
    return String(this.#counter);
  }

  #ask(message) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(this.#send(message), { resolve, reject });
    });
  }

  /** By what the server knows; of somebody who has left, by what they called themselves. */
  #nameOf(from, body) {
    return this.#names.get(from) ?? (typeof body.alias === "string" ? body.alias.slice(0, MAX_ALIAS) : "");
  }

  #hear(message) {
    const entry = this.#waiting.get(message.transaction);
    if (entry) {
      this.#waiting.delete(message.transaction);
      if (message.textroom === "error") entry.reject(Object.assign(new Error("text"), { reason: "no-text" }));
      else entry.resolve(message);
      return;
    }
    const isSignal = message.room === signalsOf(this.#access.room);
    switch (message.textroom) {
      case "message": {
        const body = bodyOf(message.text);
        if (body && isSignal && message.from !== this.#id) this.#listeners.signal(message.from, body, false);
        if (body && !isSignal) this.#listeners.chat({ from: message.from, alias: this.#nameOf(message.from, body), date: message.date, body });
        break;
      }
      case "announcement": {
        const body = bodyOf(message.text);
        if (body && isSignal) this.#listeners.signal("", body, true);
        break;
      }
      case "join":
        this.#names.set(message.username, message.display ?? "");
        break;
      case "leave":
        if (isSignal) this.#listeners.left(message.username);
        break;
      case "kicked":
      case "destroyed":
        if (message.textroom === "destroyed" || message.username === this.#id) this.#listeners.kicked();
        break;
      default:
    }
  }
}

/** What somebody wrote; they may write anything. */
function bodyOf(text) {
  try {
    const body = JSON.parse(text);
    return body && typeof body === "object" && typeof body.kind === "string" ? body : null;
  } catch {
    return null;
  }
}
