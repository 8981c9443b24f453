// Holds the state and tells whoever follows it, once per turn of the event loop however much changed.

import { reduce, START } from "./state.js";

/** `dispatch` is bound, so that it can be handed on. */
export class Store {
  state = START;
  #followers = [];
  #isTold = true;

  dispatch = (action) => {
    this.state = reduce(this.state, action);
    if (!this.#isTold) return;
    this.#isTold = false;
    queueMicrotask(() => {
      this.#isTold = true;
      for (const follower of this.#followers) follower(this.state);
    });
  };

  follow(follower) {
    this.#followers.push(follower);
  }
}
