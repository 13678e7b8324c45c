// Takes the focus when it appears: what went wrong with a form is read first. `data-calm` around it forbids that.
export default function (element) {
  if (element.closest("[data-calm]")) return;
  element.focus({ preventScroll: true });
  element.scrollIntoView({ block: "nearest" });
}
