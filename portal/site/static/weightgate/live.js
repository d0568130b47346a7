// Parts of a page marked data-live are renewed from the server while it is looked at, until what they show has
// ended. Without this file the page says how things stood when it was loaded.
(() => {
  "use strict";
  const PAUSE_MS = 3000;
  const live = () => [...document.querySelectorAll("[data-live][id]")];

  // The node itself stays: who reads with the ears hears of a change in it, if it has the role of a status.
  const put = (node, newer) => {
    node.toggleAttribute("data-live", newer.hasAttribute("data-live"));
    if (node.innerHTML === newer.innerHTML) return;
    const focused = node.contains(document.activeElement) ? document.activeElement.id : "";
    node.replaceChildren(...newer.childNodes);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const renew = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    // Who has signed out elsewhere is led to sign in again, rather than left with what was.
    if (answer.redirected) location.reload();
    if (!answer.ok || answer.redirected) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const node of live()) {
      const newer = page.getElementById(node.id);
      if (newer) put(node, newer);
      else node.remove();
    }
  };

  const later = () => {
    if (!live().length) return;
    setTimeout(async () => {
      try {
        if (!document.hidden) await renew();
      } catch {
        // The server is away, or the network: the next round asks again.
      }
      later();
    }, PAUSE_MS);
  };
  later();
})();
