// Suggestions in the search box, the command palette (Ctrl-K or /) and the list of shortcuts (?). Without this script
// the search box is a form.
"use strict";
(() => {
  const DELAY_MS = 120;
  const KEYS_OFF = "deploydb-keys-off";
  const GO = { i: "/inbox", m: "/status", s: "/services", e: "/environments" };
  const pages = [...document.querySelectorAll(".top nav a")].map((link) => (
    { kind: "page", name: link.textContent, about: "", address: link.getAttribute("href") }
  ));

  function made(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // A combobox: the focus stays in the input, and the arrows choose an option of the list.
  function suggest(input, list, status) {
    let chosen = -1;
    let due = null;
    let request = null;
    input.setAttribute("role", "combobox");
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Suggestions");
    hide();

    function hide() {
      window.clearTimeout(due);
      if (request) request.abort();
      list.replaceChildren();
      list.hidden = true;
      choose(-1);
      input.setAttribute("aria-expanded", "false");
    }

    function choose(next) {
      chosen = next;
      [...list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === next)));
      if (next < 0) { input.removeAttribute("aria-activedescendant"); return; }
      input.setAttribute("aria-activedescendant", list.children[next].id);
      list.children[next].scrollIntoView({ block: "nearest" });
    }

    function show(hits, nearest) {
      const shown = hits.length ? hits : nearest;
      const kept = chosen >= 0 ? list.children[chosen].dataset.address : null;
      list.replaceChildren(...shown.map((hit, index) => {
        const option = made("li", { role: "option", id: `${list.id}-${index}`, "aria-selected": "false" },
          made("span", { class: "kind" }, hit.kind), made("span", { class: "name" }, hit.name), made("span", { class: "about" }, hit.about));
        option.addEventListener("mousedown", (event) => event.preventDefault());
        option.addEventListener("click", () => window.location.assign(hit.address));
        option.dataset.address = hit.address;
        return option;
      }));
      list.hidden = shown.length === 0;
      input.setAttribute("aria-expanded", String(shown.length > 0));
      choose(shown.findIndex((hit) => hit.address === kept));
      const some = `${shown.length} result${shown.length === 1 ? "" : "s"}`;
      status.textContent = hits.length ? some : nearest.length ? `nothing found; names like it: ${nearest.length}` : "nothing found";
    }

    async function ask() {
      const text = input.value.trim();
      if (request) request.abort();
      if (!text) { hide(); status.textContent = ""; return; }
      request = new AbortController();
      const mine = pages.filter((page) => page.name.toLowerCase().startsWith(text.toLowerCase()));
      try {
        const answer = await fetch(`/api/search?q=${encodeURIComponent(text)}`, { signal: request.signal });
        if (!answer.ok) { hide(); status.textContent = answer.status === 401 ? "sign in to search" : "no suggestions at the moment"; return; }
        const found = await answer.json();
        show([...found.hits, ...mine], found.nearest);
      } catch (error) {
        if (error.name !== "AbortError") { hide(); status.textContent = "no suggestions at the moment"; }
      }
    }

    input.addEventListener("input", () => {
      window.clearTimeout(due);
      due = window.setTimeout(ask, DELAY_MS);
    });
    input.addEventListener("keydown", (event) => {
      const count = list.children.length;
      if (event.key === "ArrowDown" && count) choose((chosen + 1) % count);
      else if (event.key === "ArrowUp" && count) choose(chosen <= 0 ? count - 1 : chosen - 1);
      else if (event.key === "Enter" && chosen >= 0) window.location.assign(list.children[chosen].dataset.address);
      else if (event.key === "Escape" && !list.hidden && !input.closest("dialog")) hide();
      else return;
      event.preventDefault();
    });
    input.addEventListener("blur", () => { if (!input.closest("dialog")) hide(); });
  }

  const box = document.getElementById("what");
  if (box) {
    const list = made("ul", { id: "what-hits", class: "suggestions" });
    const status = made("span", { class: "unseen", role: "status" });
    box.form.append(list, status);
    suggest(box, list, status);
  }

  let palette = null;
  function openPalette() {
    if (!palette) {
      const input = made("input", { type: "search", name: "q", maxlength: "2000", autocomplete: "off", "aria-label": "Service, environment, version, commit, page or act",
        placeholder: "service, environment, version, commit, promote SERVICE…" });
      const list = made("ul", { id: "palette-hits", class: "suggestions" });
      const status = made("p", { role: "status", class: "small muted" });
      const form = made("form", { action: "/search", role: "search" }, input);
      palette = made("dialog", { id: "palette", class: "palette", "aria-label": "Search" }, form, list, status);
      document.body.append(palette);
      suggest(input, list, status);
      closeOutside(palette);
    }
    if (palette.open) return;
    palette.showModal();
    palette.querySelector("input").select();
  }

  let shortcuts = null;
  function openShortcuts() {
    if (!shortcuts) {
      const rows = [["Ctrl K", "Search"], ["/", "Search"], ["?", "This list"], ["g i", "Inbox"], ["g m", "Matrix"], ["g s", "Services"], ["g e", "Environments"], ["u", "Times in UTC, or in this zone"], ["Esc", "Close"]];
      const keys = made("dl", { class: "facts" }, ...rows.flatMap(([key, about]) => [made("dt", {}, made("kbd", {}, key)), made("dd", {}, about)]));
      const off = made("input", { type: "checkbox", id: "keys-on" });
      off.checked = !keysOff();
      off.addEventListener("change", () => {
        try {
          if (off.checked) window.localStorage.removeItem(KEYS_OFF);
          else window.localStorage.setItem(KEYS_OFF, "1");
        } catch { off.checked = true; }
      });
      const choice = made("p", {}, made("label", { for: "keys-on" }, off, " Shortcuts of single keys"));
      const close = made("button", { type: "button" }, "Close");
      close.addEventListener("click", () => shortcuts.close());
      shortcuts = made("dialog", { id: "shortcuts", class: "palette", "aria-labelledby": "shortcuts-title" },
        made("h2", { id: "shortcuts-title" }, "Shortcuts"), keys, choice, close);
      document.body.append(shortcuts);
      closeOutside(shortcuts);
    }
    if (!shortcuts.open) shortcuts.showModal();
  }

  function closeOutside(dialog) {
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  }

  function keysOff() {
    try { return window.localStorage.getItem(KEYS_OFF) === "1"; } catch { return false; }
  }

  let went = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || keysOff() || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const follows = Date.now() - went < 1000;
    went = 0;
    if (event.key === "/") openPalette();
    else if (event.key === "?") openShortcuts();
    else if (event.key === "u") document.getElementById("zone").click();
    else if (follows && GO[event.key]) window.location.assign(GO[event.key]);
    else if (event.key === "g") { went = Date.now(); return; }
    else return;
    event.preventDefault();
  });
})();
