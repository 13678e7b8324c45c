// One sentence at the corner of the page, read out by screen readers.
import { icon, make } from "./dom.js";

const shapes = { ok: "check-circle", warn: "triangle", bad: "octagon-x" };

/** `tone`: ok, warn, bad, info. A bad one stays until it is dismissed. */
export function toast(tone, message) {
  const box = make("div", { class: `toast tone-${tone}`, "data-behavior": "dismiss" },
    icon(shapes[tone] ?? "info"), make("p", {}, message));
  document.getElementById("toasts")?.append(box);
}
