// What happens around requests that htmx makes: refusals are said, questions are asked in a dialog, and a form is
// not sent twice.
import { make, openDialog } from "./dom.js";
import { toast } from "./toast.js";

/** The sentence in an error answer: of the JSON envelope, or of the page's own error part. */
function sentence(text, status) {
  try {
    const { error } = JSON.parse(text);
    if (error?.message) return error.message;
  } catch {
    const page = new DOMParser().parseFromString(text, "text/html");
    const message = page.querySelector("[data-error-message]")?.textContent.trim();
    if (message) return message;
  }
  if (status === 403) return "You may not do this.";
  if (status === 404) return "This is not here any more.";
  if (status === 429) return "Too many requests. Wait a moment and try again.";
  return "Something went wrong on our side. Nothing was changed by this page.";
}

document.addEventListener("htmx:response:error", (event) => {
  const { ctx } = event.detail;
  if (ctx.hx?.redirect || ctx.hx?.refresh || ctx.hx?.location) return;
  if (ctx.response.status === 401) {
    location.reload();
    return;
  }
  // A form that comes back with its errors is swapped in and speaks for itself.
  if (ctx.response.status === 422 && ctx.hx?.reswap !== "none") return;
  toast("bad", sentence(ctx.text ?? "", ctx.response.status));
});

document.addEventListener("htmx:error", (event) => {
  const error = event.detail.error;
  if (error?.name === "AbortError") return;
  if (error instanceof TypeError) toast("bad", "The server cannot be reached. Check the connection and try again.");
});

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!ctx.confirm) return;
  event.preventDefault();
  const yes = make("button", { type: "button", class: "button button-primary" }, "Go on");
  const no = make("button", { type: "button", class: "button button-secondary" }, "Cancel");
  const dialog = openDialog("Are you sure?", "", make("div", { class: "dialog-body stack-small" },
    make("p", {}, ctx.confirm), make("div", { class: "form-actions" }, yes, no)));
  let agreed = false;
  yes.addEventListener("click", () => { agreed = true; dialog.close(); });
  no.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => (agreed ? issueRequest() : dropRequest()));
  yes.focus();
});

// Attributes that run code are never ours; whatever brought them in is not obeyed.
document.addEventListener("htmx:before:on:init", (event) => event.preventDefault());

/** A double click or a key held down is one wish. */
const HASTE_MS = 500;

// Before htmx hears of it. What was said of the last time is over once a form is sent again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.hasAttribute("hx-post")) return;
  const since = event.timeStamp - Number(form.dataset.sentAt ?? -HASTE_MS);
  form.dataset.sentAt = event.timeStamp;
  if (since < HASTE_MS) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  for (const it of form.querySelectorAll(".alert, .field-error")) it.remove();
  for (const it of form.querySelectorAll(".has-error")) it.classList.remove("has-error");
  for (const it of form.querySelectorAll("[aria-invalid]")) it.removeAttribute("aria-invalid");
}, true);

// A plain form is sent once.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method === "get" || form.method === "dialog") return;
  if (form.dataset.sending) {
    event.preventDefault();
    return;
  }
  form.dataset.sending = "yes";
});

addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sending]")) delete form.dataset.sending;
});
