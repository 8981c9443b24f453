// A supervisor's view of the booths' screens, each on demand.

import { element, setText, show } from "./element.js";
import { play } from "./tiles.js";
import { words } from "./words.js";

/** A list of who shows a screen, and the screens that are watched. */
export class Desktops {
  #cells = new Map();
  #none = element("p.empty", { textContent: words.desktopsNone });
  #grid = element("div.screens");
  #onWatch;

  /** @param {(id: string, on: boolean) => void} onWatch */
  constructor(onWatch) {
    this.#onWatch = onWatch;
    this.element = element("section.desktops", { hidden: true }, element("h2", { textContent: words.desktops }), this.#none, this.#grid);
  }

  setTrack(id, track) {
    const cell = this.#cells.get(id);
    if (cell) play(cell.video, track);
  }

  render(state) {
    show(this.element, state.self?.role === "supervisor");
    const ids = Object.keys(state.desktops).sort();
    show(this.#none, ids.length === 0);
    for (const [id, cell] of this.#cells) {
      if (ids.includes(id)) continue;
      cell.element.remove();
      this.#cells.delete(id);
    }
    for (const id of ids) this.#renderCell(id, state.desktops[id], state.watched.includes(id));
  }

  #renderCell(id, alias, isWatched) {
    const cell = this.#cells.get(id) ?? this.#add(id);
    cell.isWatched = isWatched;
    setText(cell.alias, alias);
    setText(cell.button, isWatched ? words.unwatch : words.watch);
    show(cell.video, isWatched);
    cell.element.classList.toggle("watched", isWatched);
  }

  #add(id) {
    const cell = {
      isWatched: false,
      alias: element("span.alias"),
      video: element("video", { autoplay: true, muted: true, playsInline: true }),
      button: element("button", { type: "button", onclick: () => this.#onWatch(id, !cell.isWatched) }),
    };
    cell.element = element("div.screen", {}, cell.video, element("div.tag", {}, cell.alias, cell.button));
    cell.element.dataset.id = id;
    this.#cells.set(id, cell);
    this.#grid.append(cell.element);
    return cell;
  }
}
