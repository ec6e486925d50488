// The seam of the head view: what payload.py sends, what is chosen, what Python hears (pages/ui/component.py).
import type { PairHeader, PairState, Stack } from "../shared/types";

export interface HeadHeader extends PairHeader {
  view: "head";
  model: string;
  stack: Stack;
  layer: number;
  heads: number;
  triangle: boolean; // the weights are a causal model's lower triangle
  hidden: number[]; // positions of tokens that are hidden from the model
  predictions?: string[][]; // the model's words for each token
  predicts?: "next" | "here";
  // from the page
  head?: number | null; // chosen outside the view; null: all
  layers?: number;
  labels?: string[]; // what each head of the layer does
  can_hide?: boolean;
  state?: string;
}

export interface HeadState extends PairState {
  heads: number[] | null; // null: all
  rule: "mean" | "max" | "one";
  hide: "none" | "special" | "first" | "both";
  mass: number; // percent of each row's attention whose lines are drawn
  words: boolean;
  segments: "all" | "AA" | "AB" | "BA" | "BB";
  side: "q" | "k"; // of the pins
  pins: number[];
}

export type HeadEvents = {
  view: null; // what was chosen is all there is to tell
  mask: number[]; // tokens to hide from the model, or to show again
  layer: number; // −1 or 1
};
