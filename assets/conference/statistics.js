// Figures of the meeting's streams (W3C webrtc-stats) between two looks. Pure but for `collect`.

/**
 * @param {RTCPeerConnection[]} connections
 * @param {RTCPeerConnection | null} own - which of them carries the own picture.
 * @returns {Promise<object[]>} all reports of all connections; ids made unique among them.
 */
export async function collect(connections, own) {
  const reports = await Promise.all(connections.map((connection) => connection.getStats()));
  return reports.flatMap((report, index) => [...report.values()].map((each) => ({
    ...each, id: `${index} ${each.id}`, isOwn: connections[index] === own,
  })));
}

/**
 * @param {object[]} reports - of now.
 * @param {object[]} before - of the look before; [] at the first.
 * @returns {object} Statistics (messages.py); -1 where there is no figure.
 */
export function summarise(reports, before) {
  const earlier = new Map(before.map((each) => [each.id, each]));
  const of = (type) => reports.filter((each) => each.type === type);
  const grown = (list, field) => list.reduce((sum, each) => sum + growth(each, earlier.get(each.id), field), 0);
  const inbound = of("inbound-rtp");
  const transports = of("transport");
  const seconds = Math.max(0, ...transports.map((each) => growth(each, earlier.get(each.id), "timestamp") / 1000));
  const rate = (field) => (seconds > 0 ? (grown(transports, field) * 8) / 1000 / seconds : -1);
  const lost = grown(inbound, "packetsLost");
  const received = grown(inbound, "packetsReceived");
  const picture = of("outbound-rtp").find((each) => each.isOwn && each.kind === "video" && each.frameWidth);
  const trips = of("candidate-pair").filter((each) => each.nominated).map((each) => each.currentRoundTripTime);
  return {
    rtt_ms: highest(trips, 1000),
    jitter_ms: highest(inbound.map((each) => each.jitter), 1000),
    loss: lost + received > 0 ? Math.min(1, Math.max(0, lost / (lost + received))) : 0,
    sent_kbps: rate("bytesSent"),
    received_kbps: rate("bytesReceived"),
    width: picture?.frameWidth ?? 0,
    height: picture?.frameHeight ?? 0,
    fps: picture?.framesPerSecond ?? 0,
  };
}

function growth(now, before, field) {
  return before ? Math.max(0, (now[field] ?? 0) - (before[field] ?? 0)) : 0;
}

function highest(values, factor) {
  const known = values.filter((each) => Number.isFinite(each));
  return known.length ? Math.max(...known) * factor : -1;
}
