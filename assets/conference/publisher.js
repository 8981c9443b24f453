// A participant in a VideoRoom: who is there, who speaks, who was muted, and the own streams.

const PLUGIN = "janus.plugin.videoroom";

/** Streams by kind -> highest bitrate in bits per second and pictures per second. */
export const LIMITS = {
  small: { maxBitrate: 350_000 },
  large: { maxBitrate: 900_000 },
  desktop: { maxBitrate: 800_000, maxFramerate: 5 },
};

/** Joins a room. Publishes when asked, and then decides by `setSending` what really leaves. */
export class Publisher {
  #handle;
  #access;
  #senders = {};
  #tracks = {};

  /**
   * @param {object} session - see session.js.
   * @param {object} access - RoomAccess.
   * @param {{id: string, alias: string}} self
   * @param {object} listeners - people(list), left(id), talking(id, isTalking), moderated(id, kind, isMuted), kicked().
   * @returns {Promise<Publisher>}
   */
  static async join(session, access, self, listeners) {
    const publisher = new Publisher();
    publisher.#access = access;
    publisher.#handle = await session.attach(PLUGIN, { event: (message) => publisher.#hear(message, listeners, self) });
    const { message } = await publisher.#handle.ask(
      { request: "join", ptype: "publisher", room: access.room, pin: access.pin, id: self.id, display: self.alias },
      (each) => each.videoroom === "joined",
    );
    listeners.people([...(message.attendees ?? []), ...message.publishers].map(personOf));
    return publisher;
  }

  /**
   * Offer these tracks. None of them is sent before `setSending` says so.
   * @param {{audio?: MediaStreamTrack, video?: MediaStreamTrack}} tracks
   */
  async publish(tracks, limit) {
    this.#tracks = tracks;
    const offered = Object.entries(tracks).map(([type, track]) => {
      track.dontStop = true; // janus.js would stop it at the end of the connection, and it outlives that
      return { type, capture: track, recv: false };
    });
    const offer = await this.#handle.createOffer(offered);
    for (const { sender } of this.#handle.connection.getTransceivers()) {
      if (!sender.track) continue;
      this.#senders[sender.track.kind] = sender;
      await sender.replaceTrack(null);
    }
    const { jsep } = await this.#handle.ask(
      { request: "publish", audio: Boolean(tracks.audio), video: Boolean(tracks.video) },
      (message) => message.configured === "ok",
      offer,
    );
    await this.#handle.acceptAnswer(jsep);
    await this.limit(limit);
  }

  /** Send the track of this kind, or nothing at all in its place. */
  async setSending(kind, isSending) {
    const sender = this.#senders[kind];
    const track = isSending ? this.#tracks[kind] : null;
    if (sender && sender.track !== track) await sender.replaceTrack(track);
  }

  /** Bound the picture's bitrate: one of `LIMITS`. */
  async limit(limit) {
    const sender = this.#senders.video;
    if (!sender) return;
    const parameters = sender.getParameters();
    for (const encoding of parameters.encodings ?? []) Object.assign(encoding, limit);
    await sender.setParameters(parameters);
  }

  /** The sender of the own picture, for statistics. */
  get videoSender() {
    return this.#senders.video ?? null;
  }

  /** The connection that carries the own streams, for statistics. */
  get connection() {
    return this.#handle.connection;
  }

  /** Mute somebody's sound (or lift it). Needs the room's secret, which moderators alone have. */
  moderate(person, isMuted) {
    for (const stream of person.streams.filter((each) => each.type === "audio")) {
      this.#handle.tell({
        request: "moderate", room: this.#access.room, secret: this.#access.secret, id: person.id, mid: stream.mid,
        mute: isMuted,
      });
    }
  }

  #hear(message, listeners, self) {
    if (message.videoroom === "talking" || message.videoroom === "stopped-talking") {
      listeners.talking(message.id, message.videoroom === "talking");
    } else if (message.publishers) {
      listeners.people(message.publishers.map(personOf));
    } else if (message.joining) {
      listeners.people([personOf(message.joining)]);
    } else if (message.moderation) {
      listeners.moderated(message.id ?? self.id, message.mid, message.moderation === "muted");
    } else if (message.leaving === "ok" || message.kicked === self.id || message.videoroom === "destroyed") {
      listeners.kicked();
    } else if (message.leaving || message.kicked) {
      listeners.left(message.leaving || message.kicked);
    } else if (message.unpublished && message.unpublished !== "ok") {
      listeners.people([{ id: message.unpublished, streams: [] }]);
    }
  }
}

function personOf({ id, display, streams = [] }) {
  return {
    id,
    alias: display ?? "",
    streams: streams.filter((each) => !each.disabled).map(({ type, mid, moderated }) => ({ type, mid, moderated: Boolean(moderated) })),
  };
}
