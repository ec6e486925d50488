// A view in its component: made once, given its data each time, closed when the component goes. Below it stand the
// buttons that save it.
import { exportControl, SHOWN_VIEWS } from "./export.js";

const mounted = new WeakMap(); // views by their parent element

/**
 * Mounts a view in a Streamlit component (or anything with its interface); runs again when the data changes. A view
 * has a root, `setData(bytes)`, `redraw()`, `exported()` (export.js) and, where it needs them, `connect(send)`
 * (undefined where nobody hears) and `leave()`.
 * @param {new (root: HTMLElement) => any} View
 * @param {string} name
 * @param {import("./types").Component} component
 */
export function mountView(View, name, component) {
  const { data, parentElement, setTriggerValue } = component;
  let view = mounted.get(parentElement);
  if (!view) {
    view = new View(parentElement.querySelector(`.attn-${name}`));
    view.root[`${name}View`] = view; // for the browser's console and the tests
    mounted.set(parentElement, view);
    view.root.append(exportControl(view));
    globalThis[SHOWN_VIEWS] ??= new Set();
    globalThis[SHOWN_VIEWS].add(view);
  }
  view.connect?.(setTriggerValue);
  view.setData(data);
  const painted = () => (view.root.dataset.painted = String(performance.timeOrigin + performance.now()));
  requestAnimationFrame(() => requestAnimationFrame(painted));
  return () => {
    view.leave?.();
    globalThis[SHOWN_VIEWS].delete(view);
    mounted.delete(parentElement);
  };
}
