// Comfort for the matrix, which is whole without it: all that there is to say of a cell, where the pointer or the focus is.
"use strict";
(() => {
  const WAIT_MS = 250;
  const REST_MS = 700;
  const kept = new Map();
  let card = null;
  let shown = null;
  let due = null;

  // The cell's lane alone on this page, with all that there is to say.
  function address(link) {
    const [service, environment] = link.pathname.split("/").slice(2).map(decodeURIComponent);
    const query = new URLSearchParams({ service, environment, view: "comfortable" });
    for (const name of ["at", "known_at", "compare"]) {
      const value = new URLSearchParams(location.search).get(name);
      if (value) query.set(name, value);
    }
    return "/status?" + query;
  }

  async function content(link) {
    const from = address(link);
    const state = link.textContent + link.title;
    if (!kept.has(from) || kept.get(from).state !== state) {
      const answer = await fetch(from, { headers: { Accept: "text/html" } });
      if (!answer.ok) return null;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      kept.set(from, { state, cell: page.querySelector("#matrix td .cell") });
    }
    return kept.get(from).cell;
  }

  function hide() {
    window.clearTimeout(due);
    shown = null;
    if (card) card.remove();
    card = null;
  }

  async function show(link) {
    shown = link;
    const cell = await content(link).catch(() => null);
    if (!cell || shown !== link || !link.isConnected) return;
    if (card) card.remove();
    card = document.createElement("div");
    card.className = "hover-card";
    card.setAttribute("role", "tooltip");
    card.append(document.importNode(cell, true));
    document.body.append(card);
    const at = link.getBoundingClientRect();
    const size = card.getBoundingClientRect();
    const below = at.bottom + 4 + size.height < innerHeight;
    card.style.left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8)) + "px";
    card.style.top = Math.max(8, below ? at.bottom + 4 : at.top - 4 - size.height) + "px";
  }

  function cellOf(event) {
    const near = event.target instanceof Element ? event.target : null;
    return near && near.closest(".dense td > a");
  }

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const link = cellOf(event);
    if (link === shown || (card && card.contains(event.target))) return window.clearTimeout(due);
    window.clearTimeout(due);
    due = window.setTimeout(() => { if (link) show(link); else hide(); }, WAIT_MS);
  });
  document.addEventListener("focusin", (event) => {
    const link = cellOf(event);
    if (before) return;
    if (link && link.matches(":focus-visible")) show(link);
    else if (!card || !card.contains(event.target)) hide();
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", hide, true);

  // The slider: each of its steps is a deployment, the last one now.
  let leaving = null;
  const slider = () => document.getElementById("moment");
  const isMoved = () => slider() && slider().value !== slider().defaultValue;
  function chosen() { return slider().list.options[slider().value]; }
  function say() {
    document.querySelector("output[for=moment]").textContent = chosen().label;
    slider().setAttribute("aria-valuetext", chosen().label);
  }
  function go() {
    window.clearTimeout(leaving);
    if (isMoved()) location.assign(chosen().dataset.href + "#moment");
  }
  function rest() {
    window.clearTimeout(leaving);
    leaving = window.setTimeout(go, REST_MS);
  }
  // Each arrow key is a change: the page is left once they rest. The next one has the focus on the slider.
  const acts = { input: say, change: rest, pointerup: go, focusout: go, keydown: (event) => { if (event.key === "Enter") go(); } };
  for (const [name, act] of Object.entries(acts)) {
    document.addEventListener(name, (event) => { if (slider() && event.target === slider()) act(event); });
  }
  // A page that is gone back to has the value with which it was left.
  window.addEventListener("pageshow", () => {
    if (!isMoved()) return;
    slider().value = slider().defaultValue;
    say();
  });

  // A matrix that comes anew has the focus, the scrolled place and the card where they were.
  let before = null;
  function twin(element) {
    if (!element) return null;
    if (element.id) return document.getElementById(element.id);
    const name = element.hasAttribute("href") ? "href" : "value";
    return [...document.querySelectorAll(`#matrix :is(a, button)[${name}]`)].find((one) => one.getAttribute(name) === element.getAttribute(name));
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (isMoved()) { event.detail.shouldSwap = false; return; }
    const matrix = document.getElementById("matrix");
    const scrolled = matrix.querySelector(".scroll");
    const focused = document.activeElement;
    before = {
      focused: matrix.contains(focused) ? focused : null,
      shown,
      said: shown && shown.textContent + shown.title,
      card,
      left: scrolled ? scrolled.scrollLeft : 0,
      top: scrolled ? scrolled.scrollTop : 0,
    };
  });
  document.addEventListener("htmx:afterSwap", () => {
    if (!before) return;
    const scrolled = document.querySelector("#matrix .scroll");
    if (scrolled) scrolled.scrollTo(before.left, before.top);
    const focused = twin(before.focused);
    if (focused) focused.focus({ preventScroll: true });
    const link = twin(before.shown);
    if (before.card) document.body.append(before.card);
    card = before.card;
    shown = link;
    if (link && link.textContent + link.title !== before.said) show(link);
    else if (!link) hide();
    before = null;
  });
})();
