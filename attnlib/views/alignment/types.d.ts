// The seam of the alignment view: what payload.py sends, what Python hears (pages/ui/component.py).
import type { Header, TokenRow } from "../shared/types";

/** What became of tokens of A and of B: its kind, and their positions. */
export type Unit = ["equal" | "replaced" | "deleted" | "inserted", number[], number[]];

export interface AlignmentHeader extends Header {
  view: "alignment";
  a: TokenRow;
  b: TokenRow;
  units: Unit[];
  corrected: boolean; // by hand
  sentence: string;
}

export type AlignmentEvents = {
  link: { a: number[]; b: number[] } | { reset: true }; // tokens that stand for each other; or back to automatic
};
