// What a view tells Python: its state as a short text, once nothing has changed for a moment, and requests (another
// layer, a click). Only one request to Python is in flight; later events of all views queue until it returns. Otherwise
// Streamlit would answer the second event with the old address and keep only a component's latest event, so what the
// first put into the URL would be lost. Every event therefore carries the whole text. No DOM but the document.

export const REPORT_AFTER = 250; // milliseconds of quiet before Python hears of a change
export const ANSWER_TAKES = 30000; // milliseconds after which a request counts as lost: in a class of thirty a page takes 10 s
export const ANSWER_SETTLES = 100; // milliseconds from the answer to the address that belongs to it
const LINE = Symbol.for("attn-line"); // on the document: views of one page come as separate scripts

/** What the views of a page want to tell, one after the other. */
export class Line {
  constructor() {
    this.waiting = []; // [owner, send]: send() is true where an answer comes
    this.owner = null; // who waits for an answer
  }

  add(owner, send) {
    this.waiting.push([owner, send]);
    this.next();
  }

  next() {
    while (!this.owner && this.waiting.length) {
      const [owner, send] = this.waiting.shift();
      if (send()) this.holdFor(owner, ANSWER_TAKES);
    }
  }

  holdFor(owner, time) {
    clearTimeout(this.timer);
    this.owner = owner;
    this.timer = setTimeout(() => this.release(), time);
  }

  release() {
    clearTimeout(this.timer);
    this.owner = null;
    this.next();
  }

  /** The answer is here; its address is in a moment. */
  answered(owner) {
    if (owner === this.owner) this.holdFor(owner, ANSWER_SETTLES);
  }

  /** A view that is gone asks nothing, and nobody waits for it. */
  leave(owner) {
    this.waiting = this.waiting.filter(([other]) => other !== owner);
    if (owner === this.owner) this.release();
  }
}

function pageLine() {
  document[LINE] ??= new Line();
  return document[LINE];
}

/**
 * One view's part in it. `tell()` gives what was chosen as text when it is sent.
 * @template {import("./types").Events} Events
 */
export class Reporter {
  constructor(tell, line = pageLine()) {
    this.tell = tell;
    this.line = line;
    this.changed = false;
  }

  /**
   * How to reach Python; a function that returns true has answered at once (a saved page). None: nobody hears.
   * @param {import("./types").Send | undefined} send
   */
  connect(send) {
    this.send = send;
  }

  /** Whether somebody hears requests. */
  get heard() {
    return Boolean(this.send);
  }

  /** Whether a request of any view is still unanswered. */
  get busy() {
    return this.line.owner !== null;
  }

  /** Whether something of this view waits to be told. */
  get pending() {
    return this.line.waiting.some(([owner]) => owner === this);
  }

  /** Something else was chosen: it is told once it is quiet. */
  soon() {
    if (!this.heard) return;
    this.changed = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.line.add(this, () => this.report()), REPORT_AFTER);
  }

  /** Told where it has not gone along with a request meanwhile; no new data comes back. */
  report() {
    if (this.changed) this.tellNow("view", null);
    return false;
  }

  /**
   * A request, which new data answers.
   * @template {keyof Events & string} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  ask(name, value) {
    if (this.heard) this.line.add(this, () => this.tellNow(name, value) !== true);
  }

  tellNow(name, value) {
    clearTimeout(this.timer);
    this.changed = false;
    return this.send(name, { value, view: this.tell() });
  }

  /** New data is here. */
  answered() {
    this.line.answered(this);
  }

  leave() {
    clearTimeout(this.timer);
    this.line.leave(this);
  }
}

/** The keys that turn to the layer before and after. */
export const LAYER_KEYS = { "[": -1, "]": 1 };

/** Asks for the layer that a key leads to, where there is one; a held key steps on as fast as it is answered. */
export function stepLayer({ header, reporter }, { key, repeat }) {
  const layer = header.layer + LAYER_KEYS[key];
  const there = layer >= 0 && layer < (header.layers ?? Infinity);
  if (there && !(repeat && reporter.busy)) reporter.ask("layer", LAYER_KEYS[key]);
}
