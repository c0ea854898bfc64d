// Comfort for pages that are whole without it: ages that grow, a button that copies, a matrix that follows the state.
"use strict";
(() => {
  const UNITS = [[365 * 86400, "y"], [86400, "d"], [3600, "h"], [60, "m"]];

  function age(seconds) {
    for (const [size, unit] of UNITS) {
      if (seconds >= size) return Math.floor(seconds / size) + unit;
    }
    return Math.max(seconds, 0) + "s";
  }

  // The server's clock counts, not this machine's: how far apart they are is taken from the page.
  const told = Date.parse(document.body.dataset.now || "");
  const apart = Number.isNaN(told) ? 0 : told - Date.now();

  function grow() {
    for (const each of document.querySelectorAll("time[data-age]")) {
      const seconds = Math.floor((Date.now() + apart - Date.parse(each.dateTime)) / 1000);
      each.textContent = seconds >= 0 ? age(seconds) + " ago" : "in " + age(Math.floor(-seconds * 1.01));
    }
    for (const each of document.querySelectorAll("progress[data-begun]")) {
      each.value = Math.min(Math.floor((Date.now() + apart - Date.parse(each.dataset.begun)) / 1000), each.max);
    }
    for (const each of document.querySelectorAll(".growing td > a > time")) {
      each.textContent = age(Math.floor((Date.now() + apart - Date.parse(each.dateTime)) / 1000));
    }
  }
  grow();
  window.setInterval(grow, 5000);

  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.parentElement.querySelector("code").textContent);
      button.textContent = "copied";
      window.setTimeout(() => { button.textContent = "copy"; }, 1500);
    });
  }

  const pages = document.querySelector(".top nav ul");
  pages?.addEventListener("scroll", () => { pages.classList.toggle("scrolled", pages.scrollLeft > 4); });
  document.querySelector(".top [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  // Empty fields do not go into the address.
  for (const form of document.querySelectorAll("form.filters, form.search")) {
    form.addEventListener("submit", () => {
      for (const field of form.querySelectorAll("input, select")) field.disabled = field.value === "";
      window.setTimeout(() => { for (const field of form.querySelectorAll("input, select")) field.disabled = false; });
    });
  }

  const live = document.querySelector("[sse-connect]");
  if (!live || !window.htmx) return;
  const shown = document.getElementById("live");
  const LEAST_MS = 1000;
  let least = LEAST_MS;
  let last = 0;
  let due = null;
  let missed = false;

  function say(state, words) {
    shown.hidden = false;
    shown.dataset.live = state;
    shown.textContent = words;
  }

  // Nothing moves under a finger: a click that has begun on a button ends on it.
  let pressed = false;
  document.addEventListener("pointerdown", () => { pressed = true; }, true);
  for (const over of ["pointerup", "pointercancel"]) {
    document.addEventListener(over, () => {
      pressed = false;
      if (missed) window.setTimeout(() => { missed = false; refresh(); });
    }, true);
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (pressed) { event.detail.shouldSwap = false; missed = true; }
  });

  // At most once a second, less often where an answer takes its time, and once after the last change. A page that
  // nobody sees waits until somebody does.
  function refresh() {
    if (document.hidden) { missed = true; return; }
    if (due !== null) return;
    due = window.setTimeout(() => {
      due = null;
      if (document.hidden) { missed = true; return; }
      last = Date.now();
      window.htmx.trigger(live, "refresh");
    }, Math.max(last + least - Date.now(), 0));
  }
  document.addEventListener("htmx:afterRequest", () => { least = Math.max(LEAST_MS, 5 * (Date.now() - last)); });
  document.addEventListener("sse:change", (event) => { event.stopPropagation(); refresh(); }, true);

  // A browser opens six connections to a server: pages in the background give theirs back.
  let source = null;
  window.htmx.createEventSource = (url) => (source = new EventSource(url));
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      if (source) source.close();
      return;
    }
    if (source && source.readyState === EventSource.CLOSED) {
      source = null;
      window.htmx.trigger(live, "htmx:afterProcessNode");
    }
    if (missed) { missed = false; refresh(); }
  });
  document.addEventListener("htmx:sseOpen", () => say("on", "live"));
  document.addEventListener("htmx:sseError", () => say("off", "not live: reconnecting"));

  // What each cell says, but for ages: by its row and its column.
  let before = new Map();
  function cells() {
    const found = [...document.querySelectorAll(".matrix td")];
    return new Map(found.map((cell) => [cell, [`${cell.parentElement.cells[0].textContent} ${cell.cellIndex}`, cell.innerHTML.replace(/<time.*?<\/time>/gs, "")]]));
  }
  document.addEventListener("htmx:beforeSwap", () => { before = new Map(cells().values()); });
  document.addEventListener("htmx:afterSwap", () => {
    for (const [cell, [place, said]] of cells()) {
      if (before.has(place) && before.get(place) !== said) cell.classList.add("changed");
    }
    grow();
  });
})();
