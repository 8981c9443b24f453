// Document sharing: the page that is shown, cut into parts for everybody, and put together from those of others.

import { Assembly, isPart, pictureOf, split } from "./documents.js";

const GAP_MS = 2_000;

/** One page at a time, of one presenter at a time; whoever began last presents. */
export class Sharing {
  #store;
  #onPicture;
  #send = null;
  #own = null; // the page that this participant shows
  #parts = [];
  #assembly = null;
  #from = "";
  #gap = 0;
  #onStopped;

  /**
   * @param {object} store - see store.js.
   * @param {boolean} isBooth - whether the kiosk is around the page.
   * @param {(picture: Blob | null) => void} onPicture - what is to be seen now.
   * @param {() => void} onStopped - another one presents now, or the own document ended.
   */
  constructor(store, isBooth, onPicture, onStopped) {
    this.#store = store;
    this.isBooth = isBooth;
    this.#onPicture = onPicture;
    this.#onStopped = onStopped;
  }

  /**
   * @param {(body: object, to?: string) => Promise<void>} send - over the connection that is there now.
   * @param {(id: string) => boolean} isPresent - a presenter who left while there was none is gone with their document.
   */
  connect(send, isPresent) {
    this.#send = send;
    if (this.#from && !isPresent(this.#from)) this.#end(this.#from);
    this.#broadcast();
  }

  disconnect() {
    this.#send = null;
    clearTimeout(this.#gap);
  }

  get isPresenting() {
    return this.#own !== null;
  }

  /** Show this page of a document of one's own: {document, name, page, pages, picture in base64}. */
  present(page) {
    const picture = pictureOf(page.picture);
    if (!picture) return;
    const { id, alias } = this.#store.state.self;
    this.#own = page;
    this.#parts = split(page);
    this.#assembly = null;
    this.#tell({ ...headOf(page), from: id, alias, isOwn: true, hasPicture: true, missing: 0 });
    this.#onPicture(picture);
    this.#broadcast();
  }

  /** Stop showing the own document. */
  stop() {
    if (!this.#own) return;
    const { document } = this.#own;
    this.#forgetOwn();
    this.#send?.({ kind: "end", document });
    this.#end(this.#store.state.self.id);
  }

  /** Show a newcomer the page that is on. */
  greet(to) {
    if (this.#own) this.#sendParts(this.#parts, to);
  }

  /** Take a signal about documents. */
  take(from, body) {
    if (body.kind === "page" && isPart(body)) this.#takePart(from, body);
    else if (body.kind === "end" && from === this.#from && body.document === this.#assembly?.document) this.#end(from);
    else if (body.kind === "missing" && this.#own && body.document === this.#own.document && Array.isArray(body.parts)) {
      this.#sendParts(this.#parts.filter(({ page, part }) => page === body.page && body.parts.includes(part)), from);
    }
  }

  /** Somebody is gone, and with them their document. */
  left(id) {
    if (id === this.#from) this.#end(id);
  }

  #takePart(from, part) {
    if (this.#own) {
      this.#forgetOwn();
      this.#onStopped();
    }
    if (from !== this.#from || !this.#assembly?.isOf(part)) {
      this.#from = from;
      this.#assembly = new Assembly(part);
    }
    if (this.#assembly.isComplete) return;
    this.#assembly.add(part);
    this.#show();
    this.#watchGap();
  }

  #show() {
    const { isComplete, missing } = this.#assembly;
    const alias = this.#store.state.people[this.#from]?.alias ?? "";
    const shown = this.#store.state.document;
    const isNew = shown?.document !== this.#assembly.document || shown.page !== this.#assembly.page;
    if (!isNew && !isComplete) return;
    const picture = isComplete ? pictureOf(this.#assembly.picture) : null;
    this.#tell({
      ...headOf(this.#assembly), from: this.#from, alias, isOwn: false, hasPicture: picture !== null, missing: missing.length,
    });
    this.#onPicture(picture);
  }

  /** Ask for what has not come although nothing comes any more. */
  #watchGap() {
    clearTimeout(this.#gap);
    const assembly = this.#assembly;
    if (assembly.isComplete) return;
    this.#gap = setTimeout(() => {
      if (assembly !== this.#assembly || !this.#send) return;
      this.#send({ kind: "missing", document: assembly.document, page: assembly.page, parts: assembly.missing }, this.#from);
      this.#watchGap();
    }, GAP_MS);
  }

  #broadcast() {
    if (this.#own) this.#sendParts(this.#parts);
  }

  async #sendParts(parts, to) {
    const send = this.#send;
    for (const part of parts) {
      // Another page, or another connection: what is left of this one is of no use.
      if (send !== this.#send || part.document !== this.#own?.document || part.page !== this.#own.page) return;
      await send?.(part, to);
    }
  }

  #forgetOwn() {
    this.#own = null;
    this.#parts = [];
  }

  #end(from) {
    clearTimeout(this.#gap);
    this.#assembly = null;
    this.#from = "";
    this.#store.dispatch({ kind: "document-end", from });
    this.#onPicture(null);
  }

  #tell(document) {
    this.#store.dispatch({ kind: "document", document });
  }
}

const headOf = ({ document, name, page, pages }) => ({ document, name, page, pages });
