// The seam of what makes entries of the browser's history (pages/ui/component.py).

export type HistoryEvents = {
  listens: true;
};

export interface Component {
  data: {
    tops: number; // how often the page was to be scrolled to its top
    listens: boolean; // whether Python knows that this script is there
  };
  setTriggerValue: (name: "listens", value: true) => void;
}
