// Times in the reader's zone, in UTC on hovering, and a switch to UTC alone. Without this script pages are in UTC.
"use strict";
(() => {
  const KEPT = "deploydb-times";
  const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const ATTRIBUTES = ["title", "aria-label", "aria-valuetext", "label"];
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const DAY_MS = 86400000;
  const asWritten = new WeakMap();
  let isLocal = OWN !== "UTC" && !remembersUtc();

  function remembersUtc() {
    try { return window.localStorage.getItem(KEPT) === "UTC"; } catch { return false; }
  }
  function remember() {
    try {
      if (isLocal) window.localStorage.removeItem(KEPT);
      else window.localStorage.setItem(KEPT, "UTC");
    } catch { /* chosen until the page is left */ }
  }

  const ahead = (time) => (isLocal ? -time.getTimezoneOffset() : 0);
  // The same time on the clock of the zone that is shown, as if it were of UTC.
  const onClock = (time) => new Date(time.getTime() + ahead(time) * 60000).toISOString().slice(0, 19);
  function zoneAt(time) {
    const minutes = Math.abs(ahead(time));
    if (!minutes) return "UTC";
    const rest = minutes % 60;
    return `UTC${ahead(time) < 0 ? "-" : "+"}${Math.floor(minutes / 60)}${rest ? ":" + String(rest).padStart(2, "0") : ""}`;
  }
  const inUtc = (time) => time.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const inZone = (time) => `${onClock(time).replace("T", " ")} ${zoneAt(time)}`;

  function original(element) {
    if (!asWritten.has(element)) {
      const kept = Object.fromEntries(ATTRIBUTES.filter((name) => element.hasAttribute(name)).map((name) => [name, element.getAttribute(name)]));
      asWritten.set(element, { ...kept, text: [...element.children].every((each) => each.matches("span.whole")) ? element.textContent : null });
    }
    return asWritten.get(element);
  }

  // None of what is no time for a browser, such as one with seconds in its offset.
  const timesOf = (text) => text.split(" ").map((each) => new Date(each)).filter((each) => !Number.isNaN(each.getTime()));

  function showTime(element) {
    const [time] = timesOf(element.dateTime);
    if (!time) return;
    const { text, title } = original(element);
    const utc = inUtc(time);
    const isWhole = text === utc;
    if (isWhole) element.textContent = inZone(time);
    else if ("clock" in element.dataset) element.textContent = onClock(time).slice(11);
    const both = inZone(time) === utc ? utc : `${inZone(time)}, ${utc}`;
    element.title = isWhole ? utc : (title || utc).replace(utc, both);
  }

  // The parts of a sentence: each time in it stays on one line.
  function unbroken(words) {
    return words.split(/(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC(?:[+-]\d+(?::\d\d)?)?)/).map((part, place) => {
      if (place % 2 === 0) return part;
      const whole = document.createElement("span");
      whole.className = "whole";
      whole.textContent = part;
      return whole;
    });
  }

  // Texts and attributes that have times in them, of which `data-times` is the list.
  function showWithin(element) {
    const { text, ...attributes } = original(element);
    const times = timesOf(element.dataset.times);
    const put = (words) => times.reduce((said, time) => said.replaceAll(inUtc(time), inZone(time)), words);
    if (text) element.replaceChildren(...(element instanceof HTMLElement ? unbroken(put(text)) : [put(text)]));
    if (text && !("title" in attributes) && element instanceof HTMLElement) {
      if (put(text) === text) element.removeAttribute("title");
      else element.title = text;
    }
    for (const [name, words] of Object.entries(attributes)) element.setAttribute(name, put(words));
  }

  function tickText(form, time) {
    const [year, month, day] = onClock(time).slice(0, 10).split("-");
    const name = MONTHS[month - 1];
    return form === "month" ? `${name} ${year}` : `${day} ${name}` + (form === "hour" ? " " + onClock(time).slice(11, 16) : "");
  }

  // Ticks are at round times of UTC: each goes to the nearest round time of the zone.
  function showAxis(axis) {
    const { axis: form, seconds, step, room } = axis.dataset;
    for (const tick of axis.querySelectorAll("[data-tick]")) {
      const written = new Date(tick.dataset.tick);
      const gone = ahead(written) * 60;
      const moved = gone - step * Math.round(gone / step);
      const x = Number(tick.dataset.x) - (moved / seconds) * 100;
      const isText = tick.tagName === "text";
      if (isText) tick.textContent = tickText(form, new Date(written.getTime() - moved * 1000));
      for (const name of isText ? ["x"] : ["x1", "x2"]) tick.setAttribute(name, x + "%");
      if (isText) {
        tick.classList.toggle("late", x > room);
        tick.setAttribute("text-anchor", x > room ? "end" : "start");
      }
      if (x >= 0 && (isText ? x <= 99 : x < 100)) tick.removeAttribute("display");
      else tick.setAttribute("display", "none");
    }
  }

  // Entries stand under the day that they have in the zone.
  function showDays(days) {
    const entries = [...days.querySelectorAll(".stream > li")];
    const dayOf = (entry) => onClock(new Date(entry.querySelector("time").dateTime)).slice(0, 10);
    const shell = days.querySelector("section");
    if (!shell) return;
    const spelled = (day, form) => new Intl.DateTimeFormat("en-GB", { ...form, timeZone: "UTC" }).format(new Date(day));
    const sections = new Map();
    for (const entry of entries) {
      const day = dayOf(entry);
      if (!sections.has(day)) {
        const section = shell.cloneNode(true);
        const heading = section.querySelector("h2");
        heading.id = `day-${sections.size + 1}`;
        heading.textContent = `${spelled(day, { weekday: "long" })}, ${spelled(day, { day: "numeric", month: "long", year: "numeric" })}`;
        section.setAttribute("aria-labelledby", heading.id);
        section.querySelector(".stream").replaceChildren();
        sections.set(day, section);
      }
      sections.get(day).querySelector(".stream").append(entry);
    }
    days.replaceChildren(...sections.values());
  }

  // A field for times knows no zone: its value is of the one that is shown, and UTC when it is sent.
  function showField(field) {
    const wasLocal = "local" in field.dataset;
    if (wasLocal === isLocal) return;
    field.toggleAttribute("data-local", isLocal);
    if (!field.value) return;
    field.value = onClock(new Date(wasLocal ? field.value : field.value + "Z"));
  }
  document.addEventListener("formdata", (event) => {
    for (const field of event.target.querySelectorAll("input[data-local]")) {
      if (field.value && !field.disabled) event.formData.set(field.name, new Date(field.value).toISOString().slice(0, 19) + "Z");
    }
  });

  const all = (root, selector, act) => {
    if (root.matches(selector)) act(root);
    root.querySelectorAll(selector).forEach(act);
  };
  function show(root) {
    all(root, "time[datetime]", showTime);
    all(root, "[data-times]", showWithin);
    all(root, "[data-axis]", showAxis);
    all(root, "input[type=datetime-local]", showField);
    all(root, "[data-zone]", (each) => { each.textContent = isLocal ? "(local)" : "(UTC)"; });
    all(root, "[data-zone-name]", (each) => { each.textContent = isLocal ? OWN : "UTC"; });
  }

  const zone = document.getElementById("zone");
  function showAll() {
    show(document.body);
    zone.textContent = isLocal ? "Show UTC" : `Show ${OWN}`;
  }
  zone.hidden = OWN === "UTC";
  zone.addEventListener("click", () => {
    if (OWN === "UTC") return;
    isLocal = !isLocal;
    remember();
    showAll();
    document.querySelectorAll("[data-days]").forEach(showDays);
  });
  showAll();
  // Without need nothing moves: the address may name an entry.
  if (isLocal) document.querySelectorAll("[data-days]").forEach(showDays);

  // At once, for what compares a page with the one before; all else that is added follows.
  document.addEventListener("htmx:afterSwap", () => show(document.body));
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const added of addedNodes) if (added instanceof Element && added.isConnected) show(added);
    }
  }).observe(document.body, { childList: true, subtree: true });
})();
