// Keeps "5 min ago" true. Says the same words as `view::ago` in the server.
const TICK_MS = 15_000;
const S = 1000, MIN = 60 * S, H = 60 * MIN, D = 24 * H;
const elements = new Set();
let timer = 0;

export function words(ms) {
  const future = ms < 0;
  const age = Math.abs(ms);
  if (age < 10 * S) return "just now";
  let amount;
  if (age < MIN) amount = `${Math.floor(age / S)} s`;
  else if (age < H) amount = `${Math.floor(age / MIN)} min`;
  else if (age < D) amount = `${Math.floor(age / H)} h`;
  else if (age < 60 * D) amount = `${Math.floor(age / D)} d`;
  else if (age < 730 * D) amount = `${Math.floor(age / (30 * D))} mo`;
  else amount = `${Math.floor(age / (365 * D))} y`;
  return future ? `in ${amount}` : `${amount} ago`;
}

function say(element) {
  const text = words(Date.now() - Date.parse(element.dateTime));
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  for (const element of elements) {
    if (element.isConnected) say(element);
    else elements.delete(element);
  }
  if (elements.size === 0) {
    clearInterval(timer);
    timer = 0;
  }
}

export default function (element) {
  const at = new Date(element.dateTime);
  element.title = `${at.toLocaleString()} · ${element.title}`;
  elements.add(element);
  say(element);
  timer ||= setInterval(tick, TICK_MS);
}
