// The seam of the neuron view: what payload.py sends, what is chosen, what Python hears (pages/ui/component.py).
import type { PairHeader, PairState, Stack, UnitRow } from "../shared/types";

/** Single tokens of A and B beside each other, with their positions in each. */
export interface NeuronPairRow extends UnitRow {
  at_a: (number | null)[];
  at_b: (number | null)[];
}

/** What one text's arithmetic needs beside its vectors. */
export interface NeuronSide {
  scaling: number;
  softcap: number | null;
  sink: number | null;
  bias: "none" | "distance" | "all"; // how it is sent
  edited: boolean;
  deviation: number; // the largest, of the view's weights from the model's
  tolerance: number;
}

/** The largest numbers, which colours go by. */
export interface NeuronScale {
  vector: number;
  product: number;
  value: number;
}

export interface NeuronHeader extends PairHeader {
  view: "neuron";
  model: string;
  stack: Stack;
  pair: boolean;
  queries: PairHeader["queries"] & Partial<NeuronPairRow>;
  keys: (PairHeader["queries"] & Partial<NeuronPairRow>) | null;
  layer: number;
  head: number;
  heads: number;
  dims: number;
  value_dims: number;
  start: number; // the query that is shown at first
  sides: { a: NeuronSide; b?: NeuronSide };
  scales: { head: NeuronScale; layer: NeuronScale; change?: NeuronScale };
  state: string;
  // from the page
  layers?: number;
  named?: boolean; // whether the sidebar names this head
  labels?: string[]; // what each head of the layer does
}

export interface NeuronState extends PairState {
  show: "a" | "b" | "diff";
  part: "weight" | "value"; // query × key → weight, or weight × value → output
  query: number;
  dims: "order" | "size" | "16" | "8";
  keys: "text" | "weight";
  scale: "head" | "layer";
  strip: "product" | "key";
  pins: number[];
  dim: number | null; // followed over the text
  keep: [number, number] | null; // the query and key whose order of dimensions is kept
}

export type NeuronEvents = {
  view: null; // what was chosen is all there is to tell
  head: number;
  layer: number; // −1 or 1
};
