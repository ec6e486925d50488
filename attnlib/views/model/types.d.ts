// The seam of the model view: what payload.py sends, what is chosen, what Python hears (pages/ui/component.py).
import type { PairHeader, PairState, Stack } from "../shared/types";

export interface Score {
  name: string;
  title: string;
  about: string;
  signed: boolean;
}

export interface ModelHeader extends PairHeader {
  view: "model";
  model: string;
  stack: Stack;
  pair: boolean;
  triangle: boolean; // maps are lower triangles
  layers: number;
  heads: number; // of the layer with most
  counts: number[]; // heads of each layer
  blocks: { q: number[]; k: number[] | null }; // where blocks of tokens begin, and the end
  scores: Score[];
  selected: [number, number] | null; // the chosen head
  state: string;
  labels?: string[][]; // what each head does
}

export interface ModelState extends PairState {
  show: "a" | "b" | "diff";
  draw: "lines" | "matrix";
  by: string; // the score that colours
  order: "place" | "layers" | "heads" | "all";
  layers: number[] | null; // null: all
  heads: number[] | null;
  zoom: number;
  segments: "all" | "AA" | "AB" | "BA" | "BB";
}

export type ModelEvents = {
  view: null; // what was chosen is all there is to tell
  pick: string; // "layer-head", or "none" where the chosen one was chosen once more
  open: string; // "layer-head"
};
