// Keys for fast hands: `/` searches, `g a` and the like jump, `?` tells, Ctrl-K opens the palette.
import { isTyping, make, openDialog } from "./dom.js";

const SECOND_KEY_MS = 1200;
let first = "";
let forget = 0;

function jumps() {
  return [...document.querySelectorAll(".sidebar [data-keys]")];
}

function help() {
  const rows = [["Search this list", "/"], ["Search everything", "Ctrl K"], ["These keys", "?"]];
  for (const link of jumps()) rows.push([link.querySelector(".nav-label").textContent, link.dataset.keys]);
  const list = make("dl", { class: "keys dialog-body" });
  for (const [what, keys] of rows) {
    list.append(make("dt", {}, what), make("dd", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))));
  }
  openDialog("Keys", "", list);
}

function jump(key) {
  const link = jumps().find((it) => it.dataset.keys === `g ${key}`);
  if (link) link.click();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    const button = document.querySelector(".palette-button");
    if (button) {
      event.preventDefault();
      button.click();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (first === "g") {
    first = "";
    jump(event.key);
  } else if (event.key === "g") {
    first = "g";
    clearTimeout(forget);
    forget = setTimeout(() => { first = ""; }, SECOND_KEY_MS);
  } else if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (event.key === "?") {
    help();
  }
});
