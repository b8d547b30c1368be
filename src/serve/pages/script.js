// Asks for what a page marks by `data-refresh` again, so many seconds after the last answer, without
// touching anything else: the focus, the scroll, dialogs, opened details and what was typed stay as they
// are. Links that are marked by `data-live` are followed in the same way. What a script has added to a
// page is marked by `data-own`, and stays.
"use strict";
(() => {
  const live = document.querySelector("[data-refresh]");
  if (!live) return;
  const button = document.getElementById("refresh");
  let timer = null;
  let asked = 0;

  // What a person has opened, typed or chosen is kept.
  const KEPT = { DETAILS: ["open"], DIALOG: ["open"], INPUT: ["value", "checked"], OPTION: ["selected"] };

  function attributes(from, to, anew) {
    const kept = (!(anew && to.nodeName === "INPUT") && KEPT[to.nodeName]) || [];
    for (const { name } of [...to.attributes])
      if (!from.hasAttribute(name) && !kept.includes(name)) to.removeAttribute(name);
    for (const { name, value } of from.attributes)
      if (to.getAttribute(name) !== value && !kept.includes(name)) to.setAttribute(name, value);
    if (anew && to.nodeName === "INPUT") to.value = to.getAttribute("value");
  }

  const alike = (one, other) =>
    one.nodeType === other.nodeType && one.nodeName === other.nodeName && one.id === other.id &&
    one.dataset?.key === other.dataset?.key;

  function morph(from, to, anew) {
    if (!alike(from, to)) {
      to.replaceWith(document.importNode(from, true));
    } else if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.data !== to.data) to.data = from.data;
    } else {
      attributes(from, to, anew);
      children(from, to, anew);
    }
  }

  // What has come or gone leaves those behind it as they are: one of them may have the focus.
  function children(from, to, anew) {
    const have = [...to.childNodes].filter((node) => !(node.dataset && "own" in node.dataset));
    const want = [...from.childNodes];
    while (want.length) {
      const differ = have.length && !alike(want[0], have[0]);
      if (differ && have.length > want.length) {
        have.shift().remove();
      } else if (!have.length || (differ && have.length < want.length)) {
        to.insertBefore(document.importNode(want.shift(), true), have[0] ?? null);
      } else {
        morph(want.shift(), have.shift(), anew);
      }
    }
    have.forEach((node) => node.remove());
  }

  const stopped = () => button.dataset.state === "stopped";

  // Asks for the page at the present address; `anew` where a person has chosen another one.
  async function load(anew) {
    clearTimeout(timer);
    timer = null;
    const number = ++asked;
    let fresh = null;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      fresh = page.querySelector("[data-refresh]");
    } catch {
      // It is told below.
    }
    if (number !== asked) return;
    if (anew && !fresh) return location.reload();
    if (fresh && (anew || !stopped())) {
      morph(fresh, live, anew);
      document.dispatchEvent(new Event("refreshed"));
    }
    live.removeAttribute("aria-busy");
    live.toggleAttribute("data-stale", !fresh);
    if (!stopped()) wait();
  }

  function wait() {
    const again = () => (document.hidden ? wait() : load(false));
    timer = setTimeout(again, 1000 * Number(live.dataset.refresh));
  }

  function show(state) {
    button.dataset.state = state;
    button.textContent = state === "stopped" ? "Refresh again" : "Stop refreshing";
    button.hidden = false;
  }

  function change() {
    live.setAttribute("aria-busy", "true");
    load(true);
  }

  function go(address) {
    history.pushState(null, "", address);
    change();
  }

  button.addEventListener("click", () => {
    show(stopped() ? "running" : "stopped");
    clearTimeout(timer);
    if (!stopped()) load(false);
  });
  live.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-live]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(link.href);
  });
  document.addEventListener("go", (event) => go(event.detail));
  window.addEventListener("popstate", change);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && timer !== null) load(false);
  });
  show("running");
  wait();
})();
