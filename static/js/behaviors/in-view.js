// Tabs that do not all fit are scrolled to the current one.
export default function (element) {
  const current = element.querySelector("[aria-current]");
  if (current) element.scrollLeft = current.offsetLeft - (element.clientWidth - current.offsetWidth) / 2;
}
