// How long to wait before the next attempt to rejoin. Pure.

const FIRST_MS = 500;
const CAP_MS = 5_000;

/**
 * Full jitter: anything between nothing and a limit that doubles up to a cap, so that the booths of a room do not all
 * come back in the same moment.
 * @param {number} attempt - 1 for the first.
 * @param {() => number} random - 0 to 1.
 * @returns {number} milliseconds.
 */
export function delayOf(attempt, random = Math.random) {
  return random() * Math.min(CAP_MS, FIRST_MS * 2 ** (attempt - 1));
}
