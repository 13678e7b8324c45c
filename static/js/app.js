// Starts what elements ask for: `data-behavior="ago"` loads `behaviors/ago.js` and calls its default export with
// the element, once per element, also for elements that arrive later. A behavior makes a working page quicker;
// none is needed for a page to work.
import "./requests.js";
import "./shortcuts.js";

const started = new WeakMap();

async function start(element, name) {
  if (!/^[a-z-]+$/.test(name)) return;
  const names = started.get(element) ?? new Set();
  if (names.has(name)) return;
  started.set(element, names.add(name));
  const behavior = await import(`./behaviors/${name}.js`);
  if (element.isConnected) behavior.default(element);
}

function scan(root) {
  const found = [...root.querySelectorAll("[data-behavior]")];
  if (root.matches?.("[data-behavior]")) found.push(root);
  for (const element of found) {
    for (const name of element.dataset.behavior.split(" ")) start(element, name);
  }
}

document.documentElement.dataset.scripts = "on";
scan(document.body);
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node instanceof Element) scan(node);
  }
}).observe(document.body, { childList: true, subtree: true });
