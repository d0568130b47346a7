// Jobs that wait say their place as it changes. Without this file the page says it as of its loading.
(() => {
  "use strict";
  const MOST = 3; // a browser opens six connections to one address, and the page itself needs some
  const waiting = () => [...document.querySelectorAll("[data-waiting]")].slice(0, MOST);
  const followed = new Set();

  const follow = (node) => {
    if (followed.has(node.id)) return;
    followed.add(node.id);
    const source = new EventSource(node.dataset.waiting);
    const begun = () => {
      source.close();
      renew(node.id);
    };
    source.addEventListener("waiting", (event) => {
      node.querySelector(".sub").textContent = JSON.parse(event.data);
    });
    for (const name of ["running", "words", "ended"]) source.addEventListener(name, begun);
  };

  // The row as the server has it now, in place of the one shown: what may be done changes with the state.
  const renew = async (id) => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    if (now) document.getElementById(id).closest("tr").replaceWith(now.closest("tr"));
    waiting().forEach(follow);
  };
  waiting().forEach(follow);
})();
