// The seam of the matrix view: what payload.py sends. It tells Python nothing.
import type { PairHeader } from "../shared/types";

export interface MatrixHeader extends PairHeader {
  view: "matrix";
  pair: boolean;
  layer: number;
  head: number;
}
