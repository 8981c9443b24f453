// The text chat.

import { element, setText, show } from "./element.js";
import { icon } from "./icons.js";
import { MAX_CHAT_LENGTH } from "./state.js";
import { words } from "./words.js";

const NEAR_END_PX = 40;

/** Lines above, a field below. */
export class Chat {
  #lines = element("div.lines", { attributes: { role: "log", "aria-live": "polite" } });
  #empty = element("p.empty", { textContent: words.chatEmpty });
  #field;
  #failed = element("p.failed", { textContent: words.chatFailed, hidden: true });
  #button = element("button.send", { type: "submit", title: words.send, ariaLabel: words.send }, icon("send"));
  #shown = [];
  #isAtEnd = true;

  /** @param {(text: string) => Promise<void>} say */
  constructor(say) {
    this.#field = element("textarea", {
      rows: 1, maxLength: MAX_CHAT_LENGTH, placeholder: words.chatPlaceholder, ariaLabel: words.chat,
    });
    const form = element("form", {}, this.#field, this.#button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(say);
    });
    this.#field.addEventListener("keydown", (event) => {
      // Enter ends the choice of a Chinese character first.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit(say);
    });
    this.element = element("section.chat", {}, element("h2", { textContent: words.chat }), this.#lines, this.#failed, form);
    this.#lines.append(this.#empty);
    this.#lines.addEventListener("scroll", () => {
      this.#isAtEnd = this.#lines.scrollHeight - this.#lines.scrollTop - this.#lines.clientHeight < NEAR_END_PX;
    });
    new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd()).observe(this.#lines);
  }

  #scrollToEnd() {
    this.#lines.scrollTop = this.#lines.scrollHeight;
  }

  render(state) {
    const isThere = state.phase === "joined";
    this.#field.disabled = !isThere;
    this.#button.disabled = !isThere;
    if (state.chat === this.#shown) return;
    this.#shown = state.chat;
    show(this.#empty, state.chat.length === 0);
    const isAtEnd = this.#isAtEnd;
    this.#lines.replaceChildren(this.#empty, ...state.chat.map(lineOf));
    if (isAtEnd || state.chat.at(-1)?.isOwn) this.#scrollToEnd();
  }

  async #submit(say) {
    const text = this.#field.value.trim();
    if (!text || this.#field.disabled) return;
    try {
      await say(text);
      this.#field.value = "";
      show(this.#failed, false);
    } catch {
      show(this.#failed, true);
    }
  }
}

function lineOf({ alias, text, isOwn }) {
  const line = element("p");
  line.classList.toggle("own", isOwn);
  const name = element("b");
  setText(name, `${alias}：`);
  line.append(name, text);
  return line;
}
