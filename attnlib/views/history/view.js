// The browser's Back and Forward: one entry for each change that a person makes. Streamlit (1.67) writes over the entry
// when a widget changes, and makes an entry each time that Python writes the address, three or four where a page is
// turned. Here both ways lead through one rule, `isEntry`. Not here: what Back shows; Streamlit asks Python for the
// entry's address again (pages/ui/history.py).

const QUIET = ["view", "at", "answers"]; // what makes no entry by itself: a view's own state, and what is never taken back
const RESTS = 600; // milliseconds without a run after which a page has come to rest
const STATE = "data-test-script-state"; // on the app's element: whether a run is under way
const PATCHED = Symbol.for("attn-history"); // on the window: the script may be loaded again

/** An address without what makes no entry. */
export function entryOf(address) {
  const { pathname, searchParams } = new URL(address);
  for (const name of QUIET) searchParams.delete(name);
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}

/**
 * Whether another address is another entry, or belongs to the one that is there. What a person changed in a widget is
 * one (`byPerson`). What Python says is one if a person did something since the last (`acted`) and the answer to that
 * has come to its end (`rests`): Python may write several for one change.
 */
export function isEntry(from, to, { byPerson, acted, rests }) {
  return entryOf(from) !== entryOf(to) && (byPerson || (acted && rests));
}

/** Streamlit writes the whole address where a person changed a widget, and a path for what Python says. */
export function isByPerson(written) {
  return /^https?:/.test(written);
}

/** The entries of one window. */
class Entries {
  acted = false;
  rests = false;

  constructor(history) {
    for (const name of ["pushState", "replaceState"]) {
      this[name] = history[name].bind(history);
      history[name] = (state, _title, written) => this.write(state, String(written));
    }
    addEventListener("popstate", () => this.begin(), true);
    addEventListener("pointerdown", () => this.act(), true);
    addEventListener("click", (event) => this.clicked(event), true);
    addEventListener("keydown", (event) => this.pressed(event), true);
    const app = document.querySelector(`[${STATE}]`);
    if (app) new MutationObserver(() => this.rest()).observe(app, { attributeFilter: [STATE] });
    this.rest();
  }

  write(state, written) {
    const to = new URL(written, location.href).href;
    const entry = isEntry(location.href, to, { ...this, byPerson: isByPerson(written) });
    if (entry) this.begin();
    this[entry ? "pushState" : "replaceState"](state, "", written);
  }

  /** The answer to what a person did begins: it belongs to the entry that is there. */
  begin() {
    this.acted = this.rests = false;
    this.rest();
  }

  /** The answer has come to its end once nothing runs any more. */
  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (document.querySelector(`[${STATE}=notRunning]`)) this.rests = true;
    }, RESTS);
  }

  act() {
    this.acted = true;
  }

  /** A link or button asks for something else, also before the answer to the last change is there. */
  clicked(event) {
    if (event.composedPath().some((element) => element.matches?.("a, button"))) this.acted = this.rests = true;
  }

  /** Back and Forward by the keyboard do not leave the field: what is typed there would be lost. */
  pressed({ altKey, key }) {
    this.act();
    const field = document.activeElement;
    if (altKey && /^Arrow(Left|Right)$/.test(key) && field instanceof HTMLElement) field.blur();
  }
}

/**
 * Runs again when the data changes: another number of `tops` scrolls the page to its top. Python, which does not know
 * yet that somebody `listens`, is told: until then it writes no address, since each would be an entry.
 * @param {import("./types").Component} component
 */
export default function mount({ data: { tops, listens }, setTriggerValue }) {
  globalThis[PATCHED] ??= new Entries(history);
  if (!listens) setTriggerValue("listens", true);
  const entries = globalThis[PATCHED];
  if (tops > (entries.tops ?? tops)) document.querySelector("[data-testid=stMain]")?.scrollTo({ top: 0 });
  entries.tops = tops;
}
