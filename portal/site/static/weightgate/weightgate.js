// Progressive enhancement only: every page works without this file.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  const typing = (node) => node.closest(TYPING);

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
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
    button.className = "btn small";
    button.dataset.copy = `#${command.id}`;
    button.setAttribute("aria-label", `Copy: ${command.getAttribute("aria-label") ?? "command"}`);
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
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });

  // Word counts: <p class="counter" data-counts="#id">
  document.addEventListener("input", (event) => {
    const counter = event.target.id && document.querySelector(`[data-counts="#${CSS.escape(event.target.id)}"]`);
    if (!counter) return;
    const words = event.target.value.split(/\s+/).filter(Boolean).length;
    counter.textContent = `${words} word${words === 1 ? "" : "s"}`;
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
  const rows = () => all("tr[data-row]");
  const current = () => document.querySelector("tr[data-row][aria-current]");
  const move = (step) => {
    const list = rows();
    if (!list.length) return false;
    const at = list.indexOf(current());
    const next = list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    list.forEach((row) => row.removeAttribute("aria-current"));
    next.setAttribute("aria-current", "true");
    next.querySelector("a")?.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    return true;
  };
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
    if (document.body.dataset.keys === "off") return;
    if (event.key.length > 1 || event.key === " ") { before = ""; return; }
    if (document.querySelector("dialog[open]")) return;
    const pair = before && `${before} ${event.key}`;
    before = event.key;
    if ((pair && named(pair)) || onRow(event.key) || named(event.key)) { event.preventDefault(); }
  });

  const start = (root) => { focusErrors(root); prepareCopy(root); };
  start(document);
  document.addEventListener("htmx:afterSwap", (event) => start(event.detail.target));
})();
