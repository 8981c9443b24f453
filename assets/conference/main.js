// Wires the page together.

import { connectBooth, isInBooth } from "./booth.js";

if (isInBooth()) {
  const booth = await connectBooth(() => {});
  booth.say({ kind: "ready" });
}
