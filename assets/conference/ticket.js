// The ticket of a guest's link: what follows the address' `#`, which no server sees.

/** @returns {object | null} the ConferenceTicket, which is taken out of the address bar at once. */
export function takeTicket() {
  const encoded = location.hash.slice(1);
  history.replaceState(null, "", location.pathname + location.search);
  return readTicket(encoded);
}

/**
 * @param {string} encoded - base64url of UTF-8 JSON.
 * @returns {object | null}
 */
export function readTicket(encoded) {
  try {
    const binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const ticket = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return ticket?.meeting?.room && ticket.server && ticket.participant_id ? ticket : null;
  } catch {
    return null;
  }
}
