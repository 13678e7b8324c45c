// A menu closes on Escape, on a click elsewhere and when focus leaves; arrows walk through it.
export default function (menu) {
  const summary = menu.querySelector("summary");
  const items = () => [...menu.querySelectorAll(":scope > :not(summary) :is(a, button)")];

  // A menu that would leave the window hangs from its other edge.
  menu.addEventListener("toggle", () => {
    const body = menu.querySelector(".menu-body");
    if (menu.open && body && body.getBoundingClientRect().right > innerWidth) menu.classList.add("menu-turned");
  });
  document.addEventListener("click", (event) => {
    if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("focusout", (event) => {
    if (menu.open && event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      event.stopPropagation();
      menu.open = false;
      summary.focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      menu.open = true;
      const all = items();
      const step = event.key === "ArrowDown" ? 1 : -1;
      const at = all.indexOf(document.activeElement);
      all[(at + step + all.length) % all.length]?.focus();
    }
  });
}
