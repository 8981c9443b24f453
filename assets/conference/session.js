// One session with the Janus server: handles whose answers are promises, and one word when it is lost.

import Janus from "./vendor/janus.es.js";

const CONNECT_TIMEOUT_MS = 8_000;
const ANSWER_TIMEOUT_MS = 10_000;
const RELEASE_TIMEOUT_MS = 1_500;
const ICE_PATIENCE_MS = 5_000;

const initialised = new Promise((resolve) => {
  // No logging: requests hold the ticket.
  Janus.init({ debug: false, callback: resolve });
});

/** Why there is no meeting now. `reason` is a word for the journal (messages.py, Phase.reason). */
export class MeetingError extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/**
 * @param {object} ticket - ConferenceTicket.
 * @param {(reason: string) => void} onLost - called once at most, after the session was there.
 * @returns {Promise<Session>}
 * @throws {MeetingError} server-gone, or refused.
 */
export async function openSession(ticket, onLost) {
  await initialised;
  return within(CONNECT_TIMEOUT_MS, "server-gone", (resolve, reject) => {
    let session = null;
    const janus = new Janus({
      server: ticket.server,
      token: ticket.token,
      iceServers: ticket.ice_servers,
      keepAlivePeriod: 10_000,
      success() {
        session = new Session(janus, onLost);
        resolve(session);
      },
      error(words) {
        if (session) session.lose("server-gone");
        else reject(new MeetingError(/unauthorized/i.test(words) ? "refused" : "server-gone"));
      },
    });
  });
}

/** End a session whose connection broke, so that its participant's name is free again at once. Never fails. */
export function releaseSession(ticket, id) {
  return within(RELEASE_TIMEOUT_MS, "server-gone", (resolve) => {
    const socket = new WebSocket(ticket.server, "janus-protocol");
    const send = (janus) =>
      socket.send(JSON.stringify({ janus, session_id: id, token: ticket.token, transaction: janus }));
    socket.addEventListener("open", () => send("claim"));
    socket.addEventListener("message", (event) => {
      const answer = JSON.parse(event.data);
      if (answer.transaction === "claim" && answer.janus === "success") return send("destroy");
      socket.close();
      return resolve();
    });
    socket.addEventListener("error", resolve);
  }).catch(() => {});
}

/** See `openSession`. */
class Session {
  #janus;
  #onLost;
  #handles = [];
  #isOver = false;

  constructor(janus, onLost) {
    this.#janus = janus;
    this.#onLost = onLost;
  }

  /** What `releaseSession` needs. */
  get id() {
    return this.#janus.getSessionId();
  }

  /** Say once that the session is no good any more. */
  lose(reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onLost(reason);
  }

  /**
   * @param {string} plugin - e.g. "janus.plugin.videoroom".
   * @param {object} listeners - any of event(message, jsep), track(track, mid, isThere), data(text), dataOpen().
   * @returns {Promise<Handle>}
   */
  attach(plugin, listeners) {
    return within(ANSWER_TIMEOUT_MS, "server-gone", (resolve, reject) => {
      let handle = null;
      this.#janus.attach({
        plugin,
        success: (raw) => {
          handle = new Handle(raw, () => this.lose("ice-failed"));
          this.#handles.push(handle);
          resolve(handle);
        },
        error: () => reject(new MeetingError("refused")),
        onmessage: (message, jsep) => handle.take(message, jsep) || listeners.event?.(message, jsep),
        onremotetrack: (track, mid, isThere) => listeners.track?.(track, mid, isThere),
        ondata: (text) => listeners.data?.(text),
        ondataopen: () => listeners.dataOpen?.(),
        iceState: (state) => handle.takeIceState(state),
      });
    });
  }

  /** The peer connections, for statistics. */
  get connections() {
    return this.#handles.map((handle) => handle.connection).filter(Boolean);
  }

  /** End it, at the server too when that can still be reached. */
  close() {
    this.#isOver = true;
    for (const handle of this.#handles) handle.close();
    this.#handles = [];
    this.#janus.destroy({ cleanupHandles: true, notifyDestroyed: false, error() {} });
  }
}

/** A plugin's handle. */
class Handle {
  #raw;
  #onIceFailed;
  #waiting = [];
  #patience = 0;

  constructor(raw, onIceFailed) {
    this.#raw = raw;
    this.#onIceFailed = onIceFailed;
  }

  get connection() {
    return this.#raw.webrtcStuff?.pc ?? null;
  }

  /** Bytes that wait in the data channel. */
  get bufferedAmount() {
    return Object.values(this.#raw.webrtcStuff?.dataChannel ?? {}).reduce((sum, each) => sum + each.bufferedAmount, 0);
  }

  /**
   * Send a request and return the first message that `isAnswer` accepts; an error of the plugin's rejects.
   * @throws {MeetingError}
   */
  ask(request, isAnswer, jsep) {
    return within(ANSWER_TIMEOUT_MS, "no-answer", (resolve, reject) => {
      const entry = { isAnswer, resolve, reject };
      this.#waiting.push(entry);
      this.#raw.send({
        message: request,
        jsep,
        success: (data) => data && this.take(data),
        error: () => this.#drop(entry, new MeetingError("refused")),
      });
    });
  }

  /** Send a request whose answer does not matter. */
  tell(request, jsep) {
    this.#raw.send({ message: request, jsep });
  }

  /** Give a message to whom waits for it; say whether somebody did. */
  take(message, jsep) {
    const index = this.#waiting.findIndex((entry) => message.error || entry.isAnswer(message));
    if (index < 0) return false;
    const [entry] = this.#waiting.splice(index, 1);
    if (message.error) entry.reject(new MeetingError(reasonOf(message.error_code)));
    else entry.resolve({ message, jsep });
    return true;
  }

  takeIceState(state) {
    clearTimeout(this.#patience);
    if (state === "failed") this.#onIceFailed();
    if (state === "disconnected") this.#patience = setTimeout(this.#onIceFailed, ICE_PATIENCE_MS);
  }

  /** @returns {Promise<object>} jsep. */
  createOffer(tracks) {
    return this.#negotiate("createOffer", { tracks });
  }

  /** @returns {Promise<object>} jsep. */
  createAnswer(jsep, tracks) {
    return this.#negotiate("createAnswer", { jsep, tracks });
  }

  #negotiate(method, options) {
    return within(ANSWER_TIMEOUT_MS, "ice-failed", (resolve, reject) => {
      this.#raw[method]({ ...options, success: resolve, error: () => reject(new MeetingError("ice-failed")) });
    });
  }

  acceptAnswer(jsep) {
    return within(ANSWER_TIMEOUT_MS, "ice-failed", (resolve, reject) => {
      this.#raw.handleRemoteJsep({ jsep, success: resolve, error: () => reject(new MeetingError("ice-failed")) });
    });
  }

  sendData(text) {
    this.#raw.data({ text, error() {} });
  }

  close() {
    clearTimeout(this.#patience);
    for (const entry of this.#waiting.splice(0)) entry.reject(new MeetingError("left"));
    this.#raw.hangup(false);
  }

  #drop(entry, error) {
    this.#waiting = this.#waiting.filter((each) => each !== entry);
    entry.reject(error);
  }
}

/** Error codes of VideoRoom (426 no such room, 428 exists, 433 unauthorised, 436 id taken) as words of ours. */
function reasonOf(code) {
  return { 426: "no-room", 417: "no-room", 433: "refused", 419: "refused", 436: "id-taken", 420: "id-taken" }[code] ?? "server-error";
}

function within(milliseconds, reason, executor) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new MeetingError(reason)), milliseconds);
    const settle = (callback) => (value) => {
      clearTimeout(timer);
      callback(value);
    };
    executor(settle(resolve), settle(reject));
  });
}
