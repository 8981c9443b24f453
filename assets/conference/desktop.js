// The screen on its way to the supervisors (桌面监控), and the supervisors' view of the screens of others.

import { LIMITS, Publisher } from "./publisher.js";
import { Subscriber } from "./subscriber.js";

const LOOK_MS = 2_000;
const SUFFIX = "-screen";
const IGNORE = { people() {}, left() {}, talking() {}, moderated() {}, kicked() {} };

/** Keeps the screen's track over the meeting's connections, and asks for a new one when it ends. */
export class Screen {
  #track = null;

  /** @returns {Promise<MediaStreamTrack>} */
  async track() {
    if (this.#track?.readyState !== "live") {
      const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: 5 }, audio: false });
      [this.#track] = stream.getVideoTracks();
    }
    return this.#track;
  }

  stop() {
    this.#track?.stop();
    this.#track = null;
  }
}

/**
 * Publish the screen into the desktop room and report every two seconds what becomes of it.
 * @param {(desktop: {running: boolean, age_s: number}) => void} onLook
 * @returns {Promise<() => void>} ends the reports.
 */
export async function publishScreen(session, access, self, screen, onLook) {
  const publisher = await Publisher.join(session, access, { ...self, id: self.id + SUFFIX }, IGNORE);
  const track = await screen.track();
  await publisher.publish({ video: track }, LIMITS.desktop);
  await publisher.setSending("video", true);
  const look = watchFrames(publisher.videoSender, track);
  const timer = setInterval(async () => onLook(await look()), LOOK_MS);
  return () => clearInterval(timer);
}

/** @returns {() => Promise<{running: boolean, age_s: number}>} age of the last picture that was encoded, -1 for none. */
function watchFrames(sender, track) {
  let frames = 0;
  let changed = 0;
  return async () => {
    const now = performance.now();
    for (const report of (await sender.getStats()).values()) {
      if (report.type === "outbound-rtp" && report.framesEncoded > frames) {
        frames = report.framesEncoded;
        changed = now;
      }
    }
    const age_s = changed ? (now - changed) / 1000 : -1;
    return { running: track.readyState === "live" && changed > 0, age_s };
  };
}

/** A supervisor's eyes: who shows a screen, and the screens they ask for. */
export class DesktopWatch {
  #people = {};
  #subscriber;

  /** @param {object} listeners - list(aliases by id), track(id, track), lost(reason). */
  static async join(session, access, self, listeners) {
    const watch = new DesktopWatch();
    watch.#subscriber = new Subscriber(session, access, listeners.track, listeners.lost);
    const tell = () =>
      listeners.list(Object.fromEntries(Object.values(watch.#people).filter((each) => each.streams.length).map((each) => [each.id, each.alias])));
    await Publisher.join(session, access, { ...self, id: `${self.id}-watch` }, {
      ...IGNORE,
      people(people) {
        for (const person of people) watch.#people[person.id] = { ...watch.#people[person.id], ...person };
        tell();
      },
      left(id) {
        delete watch.#people[id];
        tell();
      },
    });
    return watch;
  }

  /** @param {string[]} ids - whose screens are wanted now. */
  want(ids) {
    const streams = ids.flatMap((id) => (this.#people[id]?.streams ?? []).map(({ mid }) => ({ feed: id, mid })));
    this.#subscriber.want(streams);
  }
}
