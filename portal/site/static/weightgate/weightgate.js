// Progressive enhancement only: every page works without this file.
(() => {
  "use strict";
  const SAYS = document.currentScript.dataset; // our words, in the language of the page
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  const typing = (node) => node.closest(TYPING);

  // The zone of this browser, in which the next page shows times.
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (zone && !document.cookie.includes(`browser_zone=${zone}`)) {
    document.cookie = `browser_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }

  // Errors: the summary takes the focus, on load and after a swap.
  const focusErrors = (root) => root.querySelector(".summary-error")?.focus();

  // A field that the browser refuses is shown: in a closed group it could say nothing, and the button would do nothing.
  const closedAround = (node) => node?.closest("details:not([open])");
  document.addEventListener("invalid", (event) => {
    for (let group = closedAround(event.target); group; group = closedAround(group.parentElement)) group.open = true;
  }, true);

  // Copy: <button hidden data-copy="#id">, and a button of its own on each command; only where copying works.
  let commands = 0;
  const withCopy = (command) => {
    command.id ||= `command-${commands += 1}`;
    const frame = Object.assign(document.createElement("div"), { className: "command" });
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: SAYS.copyIt });
    button.className = "btn small";
    button.dataset.copy = `#${command.id}`;
    button.setAttribute("aria-label", `${SAYS.copyIt}: ${command.getAttribute("aria-label") ?? SAYS.command}`);
    command.replaceWith(frame);
    frame.append(command, button);
  };
  const prepareCopy = (root) => {
    if (!navigator.clipboard) return;
    all("[data-copy][hidden]", root).forEach((button) => { button.hidden = false; });
    all("pre.cmd", root).filter((command) => !command.closest(".command")).forEach(withCopy);
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    const source = button && document.querySelector(button.dataset.copy);
    if (!source) return;
    const label = button.textContent;
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    button.textContent = SAYS.copied;
    setTimeout(() => { button.textContent = label; }, 2000);
  });

  // Word counts: <p class="counter" data-counts="#id">
  document.addEventListener("input", (event) => {
    const counter = event.target.id && document.querySelector(`[data-counts="#${CSS.escape(event.target.id)}"]`);
    if (!counter) return;
    const words = event.target.value.split(/\s+/).filter(Boolean).length;
    counter.textContent = (words === 1 ? SAYS.word : SAYS.words).replace("0", words);
  });

  // A last day: <button value="2027-03-31" data-sets-day="id"> chooses it, <output data-says-day="id"> says it in
  // words, since a browser writes dates as its own language does: 1/3 is two days. English ones are ours, as the
  // pages write them: “Friday 4 December 2026”.
  const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December"];
  const inWords = (value) => {
    const day = new Date(`${value}T00:00:00Z`);
    const { lang } = document.documentElement;
    if (Number.isNaN(day.valueOf())) return "";
    if (lang !== "en") return new Intl.DateTimeFormat(lang, { dateStyle: "full", timeZone: "UTC" }).format(day);
    return `${DAYS[day.getUTCDay()]} ${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`;
  };
  const sayDay = (field) => {
    const said = field.id && document.querySelector(`[data-says-day="${CSS.escape(field.id)}"]`);
    if (said) said.textContent = inWords(field.value);
  };
  all("[data-sets-day]").forEach((button) => { button.hidden = false; });
  document.addEventListener("input", (event) => sayDay(event.target));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sets-day]");
    const field = button && document.getElementById(button.dataset.setsDay);
    if (!field) return;
    field.value = button.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });

  // All rows of a list at once: <input type="checkbox" data-all="#table">.
  const boxes = (chooser) => all("tbody input[type=checkbox]", chooser.closest("table"));
  all("[data-all]").forEach((chooser) => {
    chooser.hidden = false;
    chooser.addEventListener("change", () => boxes(chooser).forEach((box) => { box.checked = chooser.checked; }));
  });

  // The clock of an undo: <span class="num" data-until="ISO time">
  const tick = () => all("[data-until]").forEach((node) => {
    const left = Math.max(0, Math.round((new Date(node.dataset.until) - Date.now()) / 1000));
    node.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  });
  if (document.querySelector("[data-until]")) { tick(); setInterval(tick, 1000); }

  // Dialogs: without this file a popover, which is not modal; with it one cannot leave it but by closing it. What is
  // typed stays in it, Escape closes it, and the focus goes back to the button: all that is the browser's own.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[popovertarget]");
    const dialog = button && document.getElementById(button.getAttribute("popovertarget"));
    if (!(dialog instanceof HTMLDialogElement)) return;
    event.preventDefault();
    if (dialog.open) dialog.close(); else dialog.showModal();
  });

  // Keys. data-key="a" on a link, button or field: pressed, followed or focused. "g q" is two keys in a row.
  // In a list, tr[data-row] are the rows: j and k move, x selects, Enter opens,
  // data-row-key="c" acts on the current one.
  // Only the current row is in the order of Tab; the arrow keys move as j and k do.
  const rows = () => all("tr[data-row]");
  const current = () => document.querySelector("tr[data-row][aria-current]");
  const rove = () => {
    const list = rows();
    const here = current() ?? list[0];
    list.forEach((row) => all("a, button, input", row).forEach((node) => { node.tabIndex = row === here ? 0 : -1; }));
  };
  const choose = (row) => {
    rows().forEach((other) => other.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
    rove();
  };
  const enter = (row) => {
    choose(row);
    row.querySelector("a")?.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  const move = (step) => {
    const list = rows();
    if (!list.length) return false;
    const at = list.indexOf(current());
    enter(list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + step))]);
    return true;
  };
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr[data-row]");
    if (row && row !== current()) choose(row);
  });
  const act = (node) => {
    if (!node) return false;
    if (node.matches("input:not([type=checkbox]), textarea, select")) node.focus(); else node.click();
    return true;
  };
  const onRow = (key) => {
    const row = current();
    if (key === "j") return move(1);
    if (key === "k") return move(-1);
    if (!row) return false;
    if (key === "x") return act(row.querySelector("input[type=checkbox]"));
    return act(row.querySelector(`[data-row-key="${CSS.escape(key)}"]`));
  };
  const named = (key) => act(document.querySelector(`[data-key="${CSS.escape(key)}"]`));
  let before = "";
  document.addEventListener("keydown", (event) => {
    const target = event.target;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      const form = target.closest("form") ?? document.querySelector("dialog[open] form");
      if (form) { event.preventDefault(); form.requestSubmit(form.querySelector(".btn.go") ?? undefined); }
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(target)) { before = ""; return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && target.closest("tr[data-row]")) { event.preventDefault(); move(step); return; }
    if (document.body.dataset.keys === "off") return;
    if (event.key.length > 1 || event.key === " ") { before = ""; return; }
    if (document.querySelector("dialog[open]")) return;
    const pair = before && `${before} ${event.key}`;
    before = event.key;
    if ((pair && named(pair)) || onRow(event.key) || named(event.key)) { event.preventDefault(); }
  });

  // The density of the queue's rows: kept in a cookie, so that the page comes as it was left.
  all("[data-density]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => {
      const isCompact = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isCompact));
      all("table.queue").forEach((table) => table.classList.toggle("compact", isCompact));
      document.cookie = `queue_rows=${isCompact ? "compact" : ""}; path=/queue; max-age=31536000; samesite=lax`;
    });
  });

  // After an act the focus stands where the next one is: on the row or button that was used, if it is still there, or
  // on what the page names by data-focus, as the head of the next case.
  const ACTED = "acted";
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("data-download")) return;
    const opener = form.closest("dialog") ? `[popovertarget="${form.closest("dialog").id}"]` : "";
    const key = event.submitter?.dataset.key;
    sessionStorage.setItem(ACTED, JSON.stringify([location.pathname, opener || (key ? `[data-key="${key}"]` : "")]));
  });
  const comeBack = () => {
    const row = rows().find((one) => `#${one.id}` === location.hash);
    if (row) choose(row);
    const acted = sessionStorage.getItem(ACTED);
    sessionStorage.removeItem(ACTED);
    const isFree = document.activeElement === document.body || document.activeElement?.id === "main";
    if (!acted || !isFree) return;
    const [path, again] = JSON.parse(acted);
    const same = path === location.pathname && again && document.querySelector(`main ${again}`);
    (row?.querySelector("a") ?? (same || document.querySelector("[data-focus]")))?.focus();
  };
  rove();
  window.addEventListener("pageshow", comeBack); // later, the browser would take the focus to what the address names

  const start = (root) => { focusErrors(root); prepareCopy(root); };
  start(document);
  document.addEventListener("htmx:afterSwap", (event) => start(event.detail.target));
})();
