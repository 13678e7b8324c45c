// Copies `data-copy`, or the `[data-copy-source]` inside what `data-copy-from="closest:.code"` names.
import { make } from "../dom.js";
import { toast } from "../toast.js";

const SHOWN_MS = 1500;

function textOf(button) {
  if (button.dataset.copy != null) return button.dataset.copy;
  const from = button.closest(button.dataset.copyFrom.replace(/^closest:/, ""));
  return from?.querySelector("[data-copy-source]")?.textContent ?? "";
}

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  // Over plain HTTP browsers offer only the old way.
  const area = make("textarea", { class: "visually-hidden", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused to copy");
}

export default function (button) {
  button.addEventListener("click", async () => {
    try {
      await copy(textOf(button));
      button.classList.add("is-done");
      toast("ok", "Copied.");
      setTimeout(() => button.classList.remove("is-done"), SHOWN_MS);
    } catch {
      toast("bad", "The browser does not allow copying here. Select the text instead.");
    }
  });
}
