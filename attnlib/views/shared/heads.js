// What heads are called and what they do. Pure: no DOM.

/** What a head does, in a header's labels ([head], or [layer][head]), on one line; empty where nothing is known. */
export function labelOf(labels, ...place) {
  const label = place.reduce((found, n) => found?.[n], labels);
  return String(label ?? "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Whether any head has a label. */
export function anyLabel(labels) {
  return (labels ?? []).flat().some(Boolean);
}

/** A head by its name and by what it does: "head 2 · previous token .93", or for ears with a comma. */
export function nameHead(name, label, joint = " · ") {
  return label ? `${name}${joint}${label}` : name;
}
