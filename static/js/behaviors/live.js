// Says whether the page's stream is connected. `hx-sse` reconnects by itself; a short gap is not worth a word.
const GRACE_MS = 3000;

export default function (indicator) {
  if (!window.htmx) {
    indicator.hidden = true;
    return;
  }
  const text = indicator.querySelector(".live-text");
  const notice = document.getElementById("live-lost");
  let patience = 0;

  const show = (state, words) => {
    indicator.dataset.state = state;
    if (text.textContent !== words) text.textContent = words;
    if (notice) notice.hidden = state !== "lost";
  };
  const connected = () => {
    clearTimeout(patience);
    patience = 0;
    show("on", "Live");
  };
  const dropped = () => {
    if (document.hidden) return;
    patience ||= setTimeout(() => show("lost", "Reconnecting"), GRACE_MS);
  };

  document.addEventListener("htmx:sse:after:connection", connected);
  // The stream may have opened before this file had come.
  const streams = [...document.querySelectorAll("[hx-sse\\:connect]")];
  if (streams.some((it) => it._htmx?.sse?.status === 200)) connected();
  document.addEventListener("htmx:sse:error", dropped);
  document.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) dropped();
  });
}
