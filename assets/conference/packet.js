// Packets of the media process: workstation/conference/contract.py, HEADER. Pure.

const HEADER_LENGTH = 16;
const PROTECTED = 1;
const KINDS = { 1: "video", 2: "audio" };

/**
 * @param {ArrayBuffer} buffer - one message.
 * @returns {{kind: string, isProtected: boolean, width: number, height: number, samples: number, time: number,
 *   payload: Uint8Array} | null} `time` in microseconds; `null` for what is no packet.
 */
export function readPacket(buffer) {
  if (buffer.byteLength <= HEADER_LENGTH) return null;
  const view = new DataView(buffer);
  const kind = KINDS[view.getUint8(0)];
  const width = view.getUint16(2, true);
  const height = view.getUint16(4, true);
  const samples = view.getUint16(6, true);
  const length = kind === "video" ? (width * height * 3) / 2 : samples * 2;
  if (!kind || length === 0 || buffer.byteLength !== HEADER_LENGTH + length || width % 2 || height % 2) return null;
  return {
    kind, width, height, samples,
    isProtected: (view.getUint8(1) & PROTECTED) !== 0,
    time: Number(view.getBigUint64(8, true)),
    payload: new Uint8Array(buffer, HEADER_LENGTH),
  };
}
