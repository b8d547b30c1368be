// Refreshes what a page marks by `data-refresh`, 5 s after the last answer, without touching anything
// else: the focus, the scroll, dialogs, opened details and what was typed stay as they are.
"use strict";
(() => {
  const PAUSE = 5000;
  const live = document.querySelector("[data-refresh]");
  if (!live) return;
  const button = document.getElementById("refresh");
  let timer = null;

  // What a person has opened, typed or chosen is kept.
  const KEPT = { DETAILS: ["open"], DIALOG: ["open"], INPUT: ["value", "checked"], OPTION: ["selected"] };

  function attributes(from, to) {
    const kept = KEPT[to.nodeName] || [];
    for (const { name } of [...to.attributes])
      if (!from.hasAttribute(name) && !kept.includes(name)) to.removeAttribute(name);
    for (const { name, value } of from.attributes)
      if (to.getAttribute(name) !== value && !kept.includes(name)) to.setAttribute(name, value);
  }

  function morph(from, to) {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName || from.id !== to.id) {
      to.replaceWith(document.importNode(from, true));
    } else if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.data !== to.data) to.data = from.data;
    } else {
      attributes(from, to);
      const [have, want] = [[...to.childNodes], [...from.childNodes]];
      want.forEach((node, at) =>
        at < have.length ? morph(node, have[at]) : to.append(document.importNode(node, true)));
      have.slice(want.length).forEach((node) => node.remove());
    }
  }

  async function refresh() {
    timer = null;
    try {
      if (!document.hidden) {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const fresh = page.querySelector("[data-refresh]");
        if (answer.ok && fresh && button.dataset.state !== "stopped") morph(fresh, live);
        live.toggleAttribute("data-stale", !(answer.ok && fresh));
      }
    } catch {
      live.toggleAttribute("data-stale", true);
    }
    if (button.dataset.state !== "stopped") wait();
  }

  function wait() {
    timer = setTimeout(refresh, PAUSE);
  }

  function show(stopped) {
    button.dataset.state = stopped ? "stopped" : "running";
    button.textContent = stopped ? "Refresh again" : "Stop refreshing";
    button.hidden = false;
  }

  button.addEventListener("click", () => {
    const stopped = button.dataset.state !== "stopped";
    show(stopped);
    clearTimeout(timer);
    if (!stopped) refresh();
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer !== null) { clearTimeout(timer); refresh(); }
  });
  show(false);
  wait();
})();
