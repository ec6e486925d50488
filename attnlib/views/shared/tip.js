// The words beside what is under the mouse or the keyboard.

/** A tip over the middle of what it is about, as far as there is room; → its left edge is set. */
export function centreTip(tip, middle, width) {
  const left = Math.min(width - tip.offsetWidth, middle - tip.offsetWidth / 2);
  tip.style.left = `${Math.max(0, left)}px`;
}
