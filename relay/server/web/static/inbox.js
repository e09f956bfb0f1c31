// Shows new mail without a reload. The page is complete without this script.
"use strict";

const list = document.getElementById("list");
const every = 2000;

async function refresh() {
  const address = new URL(location.href);
  const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("list");
  if (fresh && fresh.dataset.newest !== list.dataset.newest && !list.contains(document.activeElement)) {
    list.replaceChildren(...fresh.childNodes);
    list.dataset.newest = fresh.dataset.newest;
  }
}

async function watch() {
  if (!document.hidden) {
    try {
      await refresh();
    } catch {
      // The relay is being restarted: try again.
    }
  }
  setTimeout(watch, every);
}

if (list && !new URL(location.href).searchParams.has("before")) setTimeout(watch, every);
