// Fetches the page anew every few seconds while somebody looks at it, and while a word is typed.
// Without this script the page is the same, and stands still.
"use strict";

const word = document.getElementById("q");
let asked = 0;

async function refresh() {
  const ask = ++asked;
  const query = word.value ? "?q=" + encodeURIComponent(word.value) : "";
  let text;
  try {
    const answer = await fetch("/status" + query, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(answer.statusText);
    text = await answer.text();
  } catch {
    document.body.classList.add("stale");
    return;
  }
  if (ask !== asked) return; // another word was typed meanwhile
  const fresh = new DOMParser().parseFromString(text, "text/html");
  document.getElementById("main").replaceWith(document.adoptNode(fresh.getElementById("main")));
  document.title = fresh.title;
  document.body.classList.remove("stale");
  history.replaceState(null, "", "/status" + query);
}

let typing;
word.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(refresh, 200);
});
word.form.addEventListener("submit", (event) => {
  event.preventDefault();
  refresh();
});

setInterval(() => {
  // What somebody has marked, to copy it, stays as it is.
  if (!document.hidden && getSelection().isCollapsed) refresh();
}, 5000);
