"use strict";

// Takes the parts of the page that have changed from the server's own page, so that both are always the same.
// While the page is hidden no stream is open: a browser has six connections for one server.

const state = document.getElementById("live-state");
let stream = null;
let isFetching = false;
let isStale = false;

function show(text, isConnected) {
  state.textContent = text;
  state.dataset.connected = isConnected;
}

function keysOf(region) {
  return new Set(Array.from(region.querySelectorAll("[data-key]"), (row) => row.dataset.key));
}

function take(region, fresh) {
  for (const opened of region.querySelectorAll("details[open]")) {
    fresh.querySelector(`#${CSS.escape(opened.id)}`)?.setAttribute("open", "");
  }
  if (region.innerHTML === fresh.innerHTML) return;
  const selection = getSelection();
  if (!selection.isCollapsed && region.contains(selection.anchorNode)) return; // someone is copying from it
  const focused = region.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const before = keysOf(region);
  region.replaceChildren(...document.adoptNode(fresh).childNodes);
  for (const row of region.querySelectorAll("[data-key]")) {
    if (!before.has(row.dataset.key)) row.classList.add("new");
  }
  if (focused) region.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function refresh() {
  if (isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  try {
    do {
      isStale = false;
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const region of document.querySelectorAll("[data-live]")) {
        const fresh = page.getElementById(region.id);
        if (fresh) take(region, fresh);
      }
    } while (isStale);
  } catch {
    show("Disconnected", false); // the stream says so too, and tries again
  } finally {
    isFetching = false;
  }
}

function open() {
  if (stream) return;
  stream = new EventSource("/changes");
  stream.addEventListener("open", () => show("Live", true));
  stream.addEventListener("error", () => show("Disconnected", false));
  stream.addEventListener("message", refresh);
}

function close() {
  stream?.close();
  stream = null;
}

document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", () => document.hidden || open());
