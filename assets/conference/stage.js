// The shared document: large beside the pane where there is room, over it where there is not.

import { element, setText, show } from "./element.js";
import { icon } from "./icons.js";
import { words } from "./words.js";

/** Shows the page that is on. */
export class Stage {
  #title = element("span.title");
  #page = element("span.page");
  #image = element("img", { alt: "" });
  #loading = element("p.loading", { textContent: words.loading });
  #previous;
  #next;
  #stop;
  #url = "";
  #document = null;

  /** @param {object} commands - turn(page), fold(), stop(). */
  constructor(commands) {
    const button = (name, label, onclick) => element("button", { type: "button", title: label, ariaLabel: label, onclick }, icon(name));
    this.#previous = button("left", words.previous, () => commands.turn(this.#document.page - 1));
    this.#next = button("right", words.next, () => commands.turn(this.#document.page + 1));
    this.#stop = element("button.stop", { type: "button", textContent: words.unshareHint, onclick: () => commands.stop() });
    const fold = element("button", { type: "button", textContent: words.fold, onclick: () => commands.fold() });
    this.element = element(
      "section.stage", { hidden: true },
      element("header", {}, icon("document"), this.#title, this.#previous, this.#page, this.#next, this.#stop, fold),
      element("div.sheet", {}, this.#loading, this.#image),
    );
  }

  /** @param {Blob | null} picture - of the page; `null` while it is not complete. */
  setPicture(picture) {
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = picture ? URL.createObjectURL(picture) : "";
    if (picture) this.#image.src = this.#url;
    else this.#image.removeAttribute("src");
  }

  render(state) {
    this.#document = state.document;
    show(this.element, state.isStage);
    if (!state.document) return;
    const { alias, name, page, pages, isOwn, hasPicture } = state.document;
    setText(this.#title, isOwn ? words.ownShared(name) : words.sharedBy(alias, name));
    setText(this.#page, words.page(page, pages));
    show(this.#image, hasPicture);
    show(this.#loading, !hasPicture);
    show(this.#stop, isOwn);
    for (const turner of [this.#previous, this.#next]) show(turner, isOwn && pages > 1);
    this.#previous.disabled = page <= 1;
    this.#next.disabled = page >= pages;
  }
}
