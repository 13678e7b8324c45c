// Switches theme and density at once; the server does the same for the plain form.
const YEAR_S = 31_536_000;

function keep(name, value) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = value === "system" || value === "comfortable" ? 0 : YEAR_S;
  document.cookie = `${name}=${value}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
}

export default function (form) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.name) return;
    event.preventDefault();
    keep(button.name, button.value);
    document.documentElement.dataset[button.name] = button.value;
    for (const other of form.querySelectorAll(`[name="${button.name}"]`)) {
      other.setAttribute("aria-pressed", String(other === button));
    }
  });
}
