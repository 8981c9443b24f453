// Pages of shared documents on the wire: pictures in base64, cut into parts, put together again, gaps known. Pure.

/** Characters of one part: with its frame it stays below 16 kB, which every data channel takes in one piece. */
export const PART_LENGTH = 12_000;
const MAX_PARTS = 700;
const MAX_PAGES = 5_000;

/**
 * @param {{document: string, name: string, page: number, pages: number, picture: string}} page - picture in base64.
 * @returns {object[]} messages, in order.
 */
export function split(page) {
  const { picture, ...head } = page;
  const parts = Math.max(1, Math.ceil(picture.length / PART_LENGTH));
  return Array.from({ length: parts }, (_, part) => ({
    kind: "page", ...head, part, parts, data: picture.slice(part * PART_LENGTH, (part + 1) * PART_LENGTH),
  }));
}

/** Whether this is a part as `split` makes them; whoever is in the room can send anything. */
export function isPart(message) {
  const within = (value, low, high) => Number.isInteger(value) && value >= low && value <= high;
  return (
    typeof message.document === "string" && message.document.length <= 64 &&
    typeof message.name === "string" && message.name.length <= 200 &&
    typeof message.data === "string" && message.data.length <= PART_LENGTH &&
    /^[A-Za-z0-9+/=]*$/.test(message.data) &&
    within(message.pages, 1, MAX_PAGES) && within(message.page, 1, message.pages) &&
    within(message.parts, 1, MAX_PARTS) && within(message.part, 0, message.parts - 1)
  );
}

/** Collects the parts of one page of one sender. */
export class Assembly {
  #parts;
  #missing;

  /** @param {object} first - any part of the page. */
  constructor(first) {
    this.document = first.document;
    this.name = first.name;
    this.page = first.page;
    this.pages = first.pages;
    this.#parts = new Array(first.parts).fill(null);
    this.#missing = first.parts;
  }

  /** Whether this part is of the same page. */
  isOf(part) {
    return part.document === this.document && part.page === this.page && part.parts === this.#parts.length;
  }

  add(part) {
    if (this.#parts[part.part] !== null) return;
    this.#parts[part.part] = part.data;
    this.#missing -= 1;
  }

  get isComplete() {
    return this.#missing === 0;
  }

  /** @returns {number[]} parts that have not come. */
  get missing() {
    return this.#parts.flatMap((part, index) => (part === null ? [index] : []));
  }

  /** The page's picture in base64; only when complete. */
  get picture() {
    return this.#parts.join("");
  }
}

/** @returns {Blob | null} the picture, when the bytes are one of the kinds that are shown. */
export function pictureOf(base64) {
  let bytes;
  try {
    bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
  const type = typeOf(bytes);
  return type ? new Blob([bytes], { type }) : null;
}

function typeOf(bytes) {
  const starts = (...start) => start.every((value, index) => bytes[index] === value);
  if (starts(0xff, 0xd8, 0xff)) return "image/jpeg";
  if (starts(0x89, 0x50, 0x4e, 0x47)) return "image/png";
  if (starts(0x52, 0x49, 0x46, 0x46) && bytes[8] === 0x57 && bytes[9] === 0x45) return "image/webp";
  return null;
}
