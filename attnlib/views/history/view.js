// The browser's Back and Forward: one entry for each change that a person makes. Streamlit (1.67) writes over the entry
// when a widget changes, and makes an entry for each time that Python writes the address, three or four of them where a
// page is turned. Here both ways lead through one rule, `isEntry`. Not here: what Back shows; Streamlit asks Python for
// the entry's address again.

const QUIET = ["view", "at", "answers"]; // what a change makes no entry by itself
const RESTS = 250; // milliseconds without a run after which a page has come to rest
const STATE = "data-test-script-state"; // on the app's element: whether a run is under way
const PATCHED = Symbol.for("attn-history"); // on the window: the script may be loaded again

/** An address without what makes no entry. */
export function entryOf(address) {
  const { pathname, searchParams } = address;
  for (const name of QUIET) searchParams.delete(name);
  searchParams.sort();
  return `${pathname}?${searchParams}`;
}

/**
 * Whether another address is another entry, or belongs to the one that is there. `byPerson`: a person changed a widget;
 * else it comes from Python, which may write several for one change (`open`: an entry for it has been made).
 */
export function isEntry(from, to, { byPerson, open }) {
  return entryOf(from) !== entryOf(to) && (byPerson || !open);
}

/** Streamlit writes the whole address where a person changed a widget, and a path for what Python says. */
export function isByPerson(written) {
  return /^https?:/.test(written);
}

/** The entries of one window. */
class Entries {
  open = true; // the change under way has its entry: on loading, the one that is there

  constructor(history) {
    for (const name of ["pushState", "replaceState"]) {
      this[name] = history[name].bind(history);
      history[name] = (state, unused, written) => this.write(state, String(written));
    }
    addEventListener("popstate", () => this.begin(true), true);
    addEventListener("click", (event) => this.clicked(event), true);
    addEventListener("keydown", (event) => this.pressed(event), true);
    this.watch();
  }

  write(state, written) {
    const [from, to] = [new URL(location.href), new URL(written, location.href)];
    const entry = isEntry(from, to, { byPerson: isByPerson(written), open: this.open });
    if (entry) this.open = true;
    this[entry ? "pushState" : "replaceState"](state, "", written);
  }

  /** Something begins; `open`: the entry that is there belongs to it. */
  begin(open) {
    this.open = open;
    this.rest(); // where nothing runs for it
  }

  /** A link or button asks for something else, also while the answer to the last change is still to come. */
  clicked(event) {
    if (event.composedPath().some((element) => element.matches?.("a, button"))) this.open = false;
  }

  /** Back and Forward by the keyboard do not leave the field: what is typed there would be lost. */
  pressed({ altKey, key }) {
    const field = document.activeElement;
    if (altKey && /^Arrow(Left|Right)$/.test(key) && field instanceof HTMLElement) field.blur();
  }

  watch() {
    const app = document.querySelector(`[${STATE}]`);
    if (!app) return; // then Python's changes belong to the last entry that a person made
    new MutationObserver(() => this.rest()).observe(app, { attributeFilter: [STATE] });
    this.rest();
  }

  /** The next change is another one, once nothing runs any more. */
  rest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (document.querySelector(`[${STATE}=notRunning]`)) this.open = false;
    }, RESTS);
  }
}

/**
 * Runs again when the data changes: another number of `tops` scrolls the page to its top.
 * @param {import("./types").Component} component
 */
export default function mount({ data: { tops } }) {
  const entries = (globalThis[PATCHED] ??= new Entries(history));
  if (tops > (entries.tops ?? tops)) document.querySelector("[data-testid=stMain]")?.scrollTo({ top: 0 });
  entries.tops = tops;
}
