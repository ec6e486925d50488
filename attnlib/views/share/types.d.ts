// The seam of the buttons that share: what Python hears (pages/ui/component.py). What comes is a ZIP, or nothing.

/** A drawing of the page. */
export interface Picture {
  name: string;
  title: string;
  svg: string;
  png: string; // base64
  csv: string; // empty where it has no numbers
}

export type ShareEvents = {
  pack: Picture[];
};
