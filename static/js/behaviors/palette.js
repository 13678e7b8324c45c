// The command palette: pages of the navigation at once, everything else by asking `GET data-palette?q=`, which
// answers a list of `{label, href, hint, group}`.
import { icon, make } from "../dom.js";

const WAIT_MS = 120;
const MAX_SHOWN = 40;

function pages() {
  const links = (selector) => [...document.querySelectorAll(selector)];
  return [...links(".sidebar .nav-link"), ...links(".topbar .menu-body a[href]")].map((link) => ({
    label: (link.querySelector(".nav-label") ?? link).textContent.trim(),
    href: link.getAttribute("href"),
    hint: link.dataset.keys ?? "",
    group: "Pages",
  }));
}

async function ask(query, signal) {
  const url = new URL(document.body.dataset.palette, location.href);
  url.searchParams.set("q", query);
  const answer = await fetch(url, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) return [];
  const list = await answer.json();
  return Array.isArray(list) ? list.filter((it) => it?.label && it.href?.startsWith("/")) : [];
}

function matches(entry, query) {
  const text = `${entry.label} ${entry.group}`.toLowerCase();
  return query.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

class Palette {
  entries = [];
  at = 0;
  request = null;
  wait = 0;

  constructor() {
    this.input = make("input", {
      type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list",
      "aria-autocomplete": "list", "aria-label": "Search pages, agents, executions and actions",
      placeholder: "Search pages, agents, executions, actions", autocomplete: "off", spellcheck: "false",
    });
    this.list = make("div", { id: "palette-list", class: "palette-list", role: "listbox", "aria-label": "Results" });
    this.dialog = make("dialog", { class: "palette", "aria-label": "Search and jump" },
      make("div", { class: "palette-search" }, icon("search"), this.input, make("kbd", {}, "Esc")), this.list);
    this.input.addEventListener("input", () => this.search());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.go(event.target.closest("[role=option]")));
    this.list.addEventListener("mousemove", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.select(Number(option.dataset.at));
    });
    this.dialog.addEventListener("click", (event) => { if (event.target === this.dialog) this.dialog.close(); });
    document.body.append(this.dialog);
  }

  open() {
    if (this.dialog.open) return;
    this.input.value = "";
    this.dialog.showModal();
    this.input.focus();
    this.show(pages());
  }

  search() {
    const query = this.input.value.trim();
    const known = query ? pages().filter((it) => matches(it, query)) : pages();
    this.show(known);
    clearTimeout(this.wait);
    this.request?.abort();
    if (!query) return;
    this.wait = setTimeout(async () => {
      this.request = new AbortController();
      try {
        const found = await ask(query, this.request.signal);
        const hrefs = new Set(known.map((it) => it.href));
        this.show([...known, ...found.filter((it) => !hrefs.has(it.href))]);
      } catch (error) {
        if (error.name !== "AbortError") this.show(known);
      }
    }, WAIT_MS);
  }

  show(entries) {
    this.entries = entries.slice(0, MAX_SHOWN);
    this.list.replaceChildren();
    if (this.entries.length === 0) {
      this.list.append(make("p", { class: "palette-none" }, "Nothing by that name."));
    }
    let group = null;
    this.entries.forEach((entry, at) => {
      if (entry.group !== group?.dataset.group) {
        group = make("div", { role: "group", "aria-label": entry.group, "data-group": entry.group },
          make("div", { class: "palette-group", "aria-hidden": "true" }, entry.group));
        this.list.append(group);
      }
      group.append(make("div", { class: "palette-item", role: "option", id: `palette-${at}`, "data-at": at },
        make("span", {}, entry.label), make("span", { class: "soft" }, entry.hint ?? "")));
    });
    this.select(0);
  }

  select(at) {
    this.at = at;
    for (const option of this.list.querySelectorAll("[role=option]")) {
      option.setAttribute("aria-selected", String(Number(option.dataset.at) === at));
    }
    const chosen = document.getElementById(`palette-${at}`);
    chosen?.scrollIntoView({ block: "nearest" });
    if (chosen) this.input.setAttribute("aria-activedescendant", chosen.id);
    else this.input.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const count = this.entries.length;
    if (event.key === "ArrowDown" && count) this.select((this.at + 1) % count);
    else if (event.key === "ArrowUp" && count) this.select((this.at - 1 + count) % count);
    else if (event.key === "Enter") this.go(document.getElementById(`palette-${this.at}`));
    else return;
    event.preventDefault();
  }

  go(option) {
    const entry = option && this.entries[Number(option.dataset.at)];
    if (!entry) return;
    this.dialog.close();
    location.assign(entry.href);
  }
}

let palette = null;

export default function (button) {
  button.addEventListener("click", () => {
    palette ??= new Palette();
    palette.open();
  });
}
