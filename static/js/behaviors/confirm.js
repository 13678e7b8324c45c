// Asks for the name in a dialog instead of in place, and lets the button be pressed once the name is right.
import { openDialog } from "../dom.js";

export default function (details) {
  const summary = details.querySelector("summary");
  const form = details.querySelector("form");
  const input = form.querySelector("[data-confirm-name]");
  const submit = form.querySelector("[type=submit]");
  const check = () => { submit.disabled = input.value.trim() !== input.dataset.confirmName; };
  let dialog = null;

  input.addEventListener("input", check);
  form.querySelector("[data-confirm-close]").addEventListener("click", () => dialog?.close());
  summary.addEventListener("click", (event) => {
    event.preventDefault();
    check();
    dialog = openDialog(summary.textContent.trim(), "", form);
    dialog.addEventListener("close", () => {
      details.append(form);
      summary.focus();
    });
    input.focus();
  });
}
