// Where the own streams come from: in the booth the media process, which protects them; in a browser the browser.

/** The booth's streams. The page holds no permission for camera or microphone: this is all it can send. */
export class ProtectedStreams {
  #worker = new Worker("media-worker.js", { type: "module" });

  /** @param {(flow: {video: boolean, audio: boolean}) => void} onFlow - which streams really come. */
  constructor(onFlow) {
    const video = new MediaStreamTrackGenerator({ kind: "video" });
    const audio = new MediaStreamTrackGenerator({ kind: "audio" });
    this.tracks = { video, audio };
    this.#worker.addEventListener("message", ({ data }) => onFlow(data));
    this.#worker.postMessage({ video: video.writable, audio: audio.writable }, [video.writable, audio.writable]);
  }

  /** Take the streams from this WebSocket from now on; "" for none. */
  open(address) {
    this.#worker.postMessage({ address });
  }

  close() {
    this.open("");
  }
}

/** The streams of a browser, with its own question to the person. Without devices one can still listen and write. */
export async function browserStreams() {
  const video = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 15 } };
  for (const wanted of [{ audio: true, video }, { audio: true }, { video }]) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted);
      return Object.fromEntries(stream.getTracks().map((track) => [track.kind, track]));
    } catch {
      // refused, or not there: the next best
    }
  }
  return {};
}
