// A message that can be sent away; good news goes by itself, unless someone is at it.
import { icon, make } from "../dom.js";

const SHOWN_MS = 6000;

export default function (box) {
  const button = make("button", { type: "button", class: "icon-button icon-button-small", title: "Dismiss" },
    icon("x"), make("span", { class: "visually-hidden" }, "Dismiss"));
  button.addEventListener("click", () => box.remove());
  box.append(button);
  if (box.classList.contains("tone-bad") || box.classList.contains("tone-warn")) return;
  const leave = () => (box.matches(":hover, :focus-within") ? setTimeout(leave, SHOWN_MS) : box.remove());
  setTimeout(leave, SHOWN_MS);
}
