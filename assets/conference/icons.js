// Icons as inline SVG, 24 x 24, drawn with strokes of the text's colour.

const SVG = "http://www.w3.org/2000/svg";
const MICROPHONE = "M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3z M6 11a6 6 0 0 0 12 0 M12 17v4";
const CAMERA = "M3 7h11a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H3z M16 11l5-3v8l-5-3z";
const SLASH = " M4 3l16 18";

const PATHS = {
  microphone: MICROPHONE,
  "microphone-off": MICROPHONE + SLASH,
  camera: CAMERA,
  "camera-off": CAMERA + SLASH,
  share: "M4 4h16v12H4z M9 20h6 M12 16v4 M12 13V7 M9 10l3-3 3 3",
  hand: "M8 12V6a1.5 1.5 0 0 1 3 0v5 V4.500a1.5 1.5 0 0 1 3 0V11 V6a1.5 1.5 0 0 1 3 0v8a6 6 0 0 1-6 6c-3 0-4.500-1.500-6-4l-2-3.500a1.500 1.500 0 0 1 2.600-1.500L8 14z",
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8z M4 21c0-5 4-7 8-7s8 2 8 7",
  send: "M4 12l16-8-6 16-3-7z",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  close: "M6 6l12 12 M18 6L6 18",
  document: "M6 3h8l4 4v14H6z M14 3v4h4 M9 12h6 M9 16h6",
  screen: "M3 4h18v12H3z M8 20h8",
  warning: "M12 4l9 16H3z M12 10v5 M12 17.500v.5",
};

/** @returns {SVGElement} the icon; words are said by what stands beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  svg.dataset.icon = name;
  return svg;
}

/** Put another icon in the place of the one that `holder` begins with. */
export function setIcon(holder, name) {
  const old = holder.querySelector("svg.icon");
  if (old?.dataset.icon === name) return;
  if (old) old.replaceWith(icon(name));
  else holder.prepend(icon(name));
}
