// Makes elements without markup, so that no text can become markup.

/** `make("p", { class: "soft" }, "text", otherElement)` */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const sprite = new URL("../icons.svg", import.meta.url).pathname;

export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

/** Whether keys that are typed now are meant as text. */
export function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** A modal dialog that leaves the page when it closes. */
export function openDialog(title, className, ...children) {
  const close = make("button", { type: "button", class: "icon-button", title: "Close" }, icon("x"),
    make("span", { class: "visually-hidden" }, "Close"));
  const dialog = make("dialog", { class: className, "aria-label": title },
    make("div", { class: "dialog-head" }, make("h2", {}, title), close), ...children);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
