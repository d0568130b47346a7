// The upload page: choose or drop files, bring each to the portal, commit them together.
(() => {
  "use strict";
  const AT_ONCE = 2;
  const TRIES = 3;
  const MOST = 1000; // of files in one commit; the API's limit
  const form = document.getElementById("upload");
  if (!form) return;
  form.hidden = false;
  const byId = (id) => document.getElementById(id);
  const [drop, rows, send, total, failure] = ["drop", "rows", "send", "total", "failure"].map(byId);
  const chosen = new Map(); // path → { file, row, bar, state, sha256 }
  let isSending = false;
  let isTokenOld = false; // signing in again makes another one

  const size = (bytes) => {
    const units = ["B", "kB", "MB", "GB", "TB"];
    const unit = bytes ? Math.min(Math.floor(Math.log10(bytes) / 3), 4) : 0;
    return `${(bytes / 1000 ** unit).toFixed(unit ? 1 : 0)} ${units[unit]}`;
  };
  const isHidden = (path) => path.split("/").some((part) => part.startsWith("."));
  const cell = (text) => Object.assign(document.createElement("td"), { textContent: text });

  // --- choosing

  const remove = (path) => {
    const { row } = chosen.get(path);
    const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("button");
    row.remove();
    chosen.delete(path);
    showChosen();
    (next ?? byId("files")).focus();
  };
  const add = (path, file) => {
    if (isHidden(path) || isSending) return;
    chosen.get(path)?.row.remove();
    const row = document.createElement("tr");
    const name = Object.assign(document.createElement("th"), { scope: "row", textContent: path });
    const bar = Object.assign(document.createElement("progress"), { max: Math.max(file.size, 1), value: 0 });
    bar.setAttribute("aria-label", path);
    const state = Object.assign(document.createElement("span"), { className: "hint" });
    const progress = document.createElement("td");
    progress.append(bar, " ", state);
    const bytes = cell(size(file.size));
    bytes.className = "n";
    const act = document.createElement("td");
    const button = Object.assign(document.createElement("button"),
      { type: "button", className: "btn small", textContent: "Remove" });
    button.setAttribute("aria-label", `Remove ${path}`);
    button.addEventListener("click", () => remove(path));
    act.append(button);
    row.append(name, bytes, act, progress);
    rows.append(row);
    chosen.set(path, { path, file, row, bar, state, sha256: "" });
  };
  const showChosen = () => {
    const bytes = [...chosen.values()].reduce((sum, one) => sum + one.file.size, 0);
    byId("list").hidden = !chosen.size;
    byId("chosen").textContent = chosen.size
      ? `${chosen.size} file${chosen.size === 1 ? "" : "s"}, ${size(bytes)}` : "";
    const large = [...chosen.values()].find((one) => one.file.size > Number(form.dataset.largest));
    const many = chosen.size > MOST;
    failure.textContent = large ? `${large.path} is too large. Split it, and choose again.`
      : many ? `Choose up to ${MOST} files at once, or use a terminal.` : "";
    send.disabled = !chosen.size || Boolean(large) || many;
  };
  // A chosen folder's own name is no part of the paths in the model.
  const inside = (path) => path.split("/").slice(1).join("/");
  byId("folder").addEventListener("change", (event) => {
    for (const file of event.target.files) add(inside(file.webkitRelativePath), file);
    showChosen();
  });
  byId("files").addEventListener("change", (event) => {
    for (const file of event.target.files) add(file.name, file);
    showChosen();
  });
  const entriesOf = (folder) => new Promise((resolve, reject) => {
    const reader = folder.createReader();
    const all = [];
    const more = () => reader.readEntries((some) => {
      if (!some.length) return resolve(all);
      all.push(...some);
      return more();
    }, reject);
    more();
  });
  const walk = async (entry, path) => {
    if (entry.isFile) {
      add(path, await new Promise((resolve, reject) => { entry.file(resolve, reject); }));
      return;
    }
    for (const child of await entriesOf(entry)) await walk(child, path ? `${path}/${child.name}` : child.name);
  };
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const isFolder = entries.length === 1 && entries[0].isDirectory;
    for (const entry of entries) await walk(entry, isFolder ? "" : entry.name);
    showChosen();
  });

  // --- sending

  class Refusal extends Error {}
  class SignedOut extends Refusal {}
  const takeToken = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) throw new SignedOut();
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = fresh.querySelector("#upload [name=csrfmiddlewaretoken]")?.value;
    if (token) form.querySelector("[name=csrfmiddlewaretoken]").value = token;
    isTokenOld = false;
  };
  const call = async (url, body) => {
    const answer = await fetch(url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Accept": "application/json",
        "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value,
      },
      body: JSON.stringify(body),
    });
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content;
    if (answer.status === 401) throw new SignedOut();
    isTokenOld = answer.status === 403;
    throw new Refusal(content.error?.message
      || `The portal answered ${answer.status}. Sign in again if you were away, then go on.`);
  };
  const put = (one, url) => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    request.upload.addEventListener("progress", (event) => { one.bar.value = event.loaded; showTotal(); });
    request.addEventListener("load", () => {
      const sha256 = (request.getResponseHeader("ETag") ?? "").replaceAll('"', "");
      if (request.status === 200 && sha256) resolve(sha256);
      else reject(new Error(`${one.path}: the portal answered ${request.status}`));
    });
    request.addEventListener("error", () => reject(new Error(`${one.path}: the connection broke off`)));
    request.send(one.file);
  });
  const showTotal = () => {
    const all = [...chosen.values()];
    const bytes = all.reduce((sum, one) => sum + one.file.size, 0);
    total.value = bytes ? all.reduce((sum, one) => sum + Math.min(one.bar.value, one.file.size), 0) / bytes : 1;
  };
  const bring = async (one) => {
    for (let attempt = 1; ; attempt += 1) {
      one.state.textContent = attempt > 1 ? "again" : "";
      try {
        const [link] = await call(form.dataset.uploads, { files: [{ path: one.path, size_bytes: one.file.size }] });
        one.sha256 = await put(one, link.url);
        one.bar.value = one.bar.max;
        one.state.textContent = "here";
        return;
      } catch (error) {
        one.bar.value = 0;
        if (error instanceof Refusal || attempt === TRIES) { one.state.textContent = "failed"; throw error; }
        await new Promise((resolve) => { setTimeout(resolve, attempt * 2000); });
      }
    }
  };
  const bringAll = async () => {
    const waiting = [...chosen.values()].filter((one) => !one.sha256);
    const worker = async () => { while (waiting.length) await bring(waiting.shift()); };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  };
  const sayWhy = (error) => {
    if (!(error instanceof SignedOut)) {
      failure.textContent = `${error.message}. What has arrived isn’t sent again.`.replace("..", ".");
      return;
    }
    isTokenOld = true;
    const link = Object.assign(document.createElement("a"),
      { href: form.dataset.signIn, target: "_blank", rel: "noopener", textContent: "Sign in in another tab" });
    failure.replaceChildren("You were signed out. ", link, ", then go on. What has arrived isn’t sent again.");
  };
  // What is stated of the right to host; the page asks until that is on record.
  const consent = () => {
    const words = byId("consent")?.value.trim();
    return { ...(byId("licensor")?.checked && { licensor: true }), ...(words && { consent: words }) };
  };
  const lock = (isOn) => {
    isSending = isOn;
    send.disabled = isOn;
    rows.querySelectorAll("button").forEach((button) => { button.disabled = isOn; });
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSending || !chosen.size) return;
    lock(true);
    total.hidden = false;
    failure.textContent = "";
    try {
      if (isTokenOld) await takeToken();
      await bringAll();
      const files = [...chosen.values()].map(({ path, sha256 }) => ({ path, sha256 }));
      const made = await call(form.dataset.commits, { title: byId("title").value, files, ...consent() });
      isSending = false;
      window.location.assign(made.url);
    } catch (error) {
      lock(false);
      send.textContent = "Go on";
      sayWhy(error);
    }
  });
  window.addEventListener("beforeunload", (event) => { if (isSending) event.preventDefault(); });
})();
