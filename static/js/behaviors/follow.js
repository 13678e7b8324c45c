// A log stays at its end while new lines come, unless someone has scrolled up to read.
const NEAR_PX = 40;

export default function (log) {
  let atEnd = true;
  const toEnd = () => { log.scrollTop = log.scrollHeight; };
  log.addEventListener("scroll", () => {
    atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
  });
  new MutationObserver(() => { if (atEnd) toEnd(); }).observe(log, { childList: true, subtree: true });
  toEnd();
}
