// The seam of the grid view: what payload.py sends, what Python hears (pages/ui/component.py).
import type { Header } from "../shared/types";

export interface GridHeader extends Header {
  view: "grid";
  statistic: string;
  signed: boolean;
  scale: number; // the size of the strongest colour
  least: number; // which that is at least
  selected: [number, number] | null; // the chosen head
  order: "place" | "rank";
  names: [string, string]; // a signed value is more in the first than in the second
  meaning: string; // of the colours, in other words; may be empty
  labels: string[][]; // what each head does
  layers: number;
  heads: number;
  grids: { title: string; about: string }[];
}

export type GridEvents = {
  pick: string; // "layer-head"
};
