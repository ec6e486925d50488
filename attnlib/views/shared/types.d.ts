// What crosses between Python and a view, as far as several views share it: the payload that comes, the events that go.
// Each view's own header, state and events are in its folder's types.d.ts. Checked by `make check` (tsc), and against
// the payloads that Python makes by tests/unit/views/test_seam.py.

/** The arrays of a payload, by name. */
export type Numbers = Uint8Array | Uint16Array | Float32Array;

/** What every payload's header says: which view draws it. */
export interface Header {
  view: string;
}

/** Tokens of a text; what would be the same for all of them is left out. */
export interface TokenRow {
  labels: string[];
  segments?: number[]; // 0 or 1 for each: the first or the second sentence
  special?: number[]; // positions of [CLS] and the like
  words?: number[][]; // positions of the pieces of each word
}

/** Units of two prompts beside each other; null where a prompt has no such unit. */
export interface UnitRow extends TokenRow {
  a: (string | null)[];
  b: (string | null)[];
  kinds?: ("equal" | "replaced" | "deleted" | "inserted")[];
}

/** A row as a payload has it: of one text, or (`pair` in the header) of two. */
export type Row = TokenRow & Partial<UnitRow>;

/** Headers of views that show one text, or A, B and B − A of a pair. */
export interface PairHeader extends Header {
  pair?: boolean;
  queries: Row;
  keys: Row | null; // null: the keys are the queries
}

/** A side of a pair. */
export type Side = "a" | "b" | "diff";

/** What a person chose in a view of a pair. */
export interface PairState {
  show?: Side;
}

/** Which attention of an encoder-decoder model; "self" where there is but one. */
export type Stack = "self" | "encoder" | "decoder" | "cross";

/** The names of events of a view, and what each brings to Python as its value. */
export type Events = Record<string, unknown>;

/** What Python gets with every event: its value, and the view's state as text. */
export interface Told<Value> {
  value: Value;
  view: string;
}

/** How a view reaches Python; true where the answer has come already (a saved page). */
export type Send = (name: string, value: unknown) => boolean | void;

/** What mounts a view: Streamlit's component, or a saved page in its place. */
export interface Component {
  data: Uint8Array;
  parentElement: HTMLElement | ShadowRoot;
  setTriggerValue?: Send; // none: nobody hears
}

/** The page's colours and font. */
export interface Theme {
  background: string;
  dark: boolean;
  text: string;
  accent: string;
  font: string;
}

/** A view as a file (export.js). */
export interface Exported {
  name: string; // of the file, without its ending
  title: string;
  about: string;
  table: unknown[][];
}
