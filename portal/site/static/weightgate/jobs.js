// Jobs that are open say how they stand as it changes. Without this file the page says it as of its loading.
(() => {
  "use strict";
  const MOST = 3; // a browser opens six connections to one address, and the page itself needs some
  const openJobs = () => [...document.querySelectorAll("[data-job-events]")].slice(0, MOST);
  const followed = new Set();
  const renewals = new Map();

  const follow = ({ id, dataset }) => {
    if (followed.has(id)) return;
    followed.add(id);
    const source = new EventSource(dataset.jobEvents);
    source.addEventListener("waiting", (event) => {
      const place = document.getElementById(id).querySelector(".sub");
      if (place) place.textContent = JSON.parse(event.data);
    });
    for (const name of ["running", "words"]) source.addEventListener(name, () => renew(id), { once: true });
    source.addEventListener("ended", () => {
      source.close();
      renew(id);
    });
  };

  // The row as the server has it now, in place of the one shown: what may be done changes with the state.
  const renew = async (id) => {
    const turn = (renewals.get(id) ?? 0) + 1;
    renewals.set(id, turn);
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(id);
    const isNewest = renewals.get(id) === turn; // answers may overtake one another
    if (now && isNewest) document.getElementById(id).closest("tr").replaceWith(now.closest("tr"));
    openJobs().forEach(follow);
  };
  openJobs().forEach(follow);
})();
