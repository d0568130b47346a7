// The playground alive: words appear as they are made. Without this file the page reloads itself.
(() => {
  "use strict";
  const REFUSED_MS = 5000; // a refused stream is not tried again by the browser itself
  const SAYS = document.currentScript.dataset; // our words, in the language of the page
  const result = () => document.getElementById("result");

  // One tab stop for all words; arrows move between them.
  document.addEventListener("keydown", (event) => {
    const word = event.target.closest?.(".out .tok");
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!word || !step) return;
    const words = [...document.querySelectorAll(".out .tok")];
    const next = words[words.indexOf(word) + step];
    if (!next) return;
    event.preventDefault();
    word.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  // Esc stops the job; Ctrl Enter runs, from the parameters beside the form too.
  document.addEventListener("keydown", (event) => {
    const run = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (run && !event.target.closest("form")) document.getElementById("ask")?.requestSubmit();
    if (event.key === "Escape" && !event.isComposing) document.getElementById("stop-button")?.click();
  });

  // Words are the server's own markup, so what streams and what is drawn whole are one.
  const follow = (node) => {
    const caret = node.querySelector(".caret");
    const status = node.querySelector("[role=status]");
    const source = new EventSource(node.dataset.events);
    const say = (event) => (status.textContent = JSON.parse(event.data));
    source.addEventListener("waiting", say);
    source.addEventListener("running", say);
    source.addEventListener("words", (event) => {
      caret.insertAdjacentHTML("beforebegin", JSON.parse(event.data));
      status.textContent = SAYS.written;
    });
    source.addEventListener("ended", () => {
      source.close();
      refresh(node);
      document.getElementById("stop-button")?.remove();
    });
    source.addEventListener("error", () => {
      status.textContent = SAYS.lost;
      if (source.readyState === EventSource.CLOSED) setTimeout(() => refresh(node), REFUSED_MS);
    });
    source.addEventListener("open", () => {
      if (status.textContent === SAYS.lost) status.textContent = SAYS.again;
    });
  };

  // What the server has now, in place of what is shown; followed on while the job is open.
  const refresh = async (node) => {
    const answer = await fetch(node.dataset.page, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.redirected || answer?.status === 401) location.reload(); // signed out: sign in, and come back here
    else if (answer?.ok) show(node, await answer.text());
    else setTimeout(() => refresh(node), REFUSED_MS);
  };
  const show = (node, html) => {
    node.outerHTML = html;
    if (result()?.dataset.events) follow(result());
  };
  if (result()?.dataset.events) follow(result());
})();
