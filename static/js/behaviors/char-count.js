// Tells how much room is left once a text nears its limit.
import { make } from "../dom.js";

const NEAR = 0.8;

export default function (input) {
  const note = make("span", { class: "char-count", "aria-live": "polite" });
  input.after(note);
  const count = () => {
    const used = input.value.length;
    note.textContent = used >= input.maxLength * NEAR ? `${used} of ${input.maxLength}` : "";
  };
  input.addEventListener("input", count);
  count();
}
