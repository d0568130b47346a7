// What is typed is kept in this tab until the server has it: a closed dialog, another case, a lost line lose nothing.
// Each form of ours names whom it was drawn for (typed_by); without that, nothing is kept.
(() => {
  "use strict";
  const SAYS = document.currentScript.dataset; // our words, in the language of the page
  const SENT = "sent";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const path = (address) => new URL(address, location.href).pathname;
  const owner = (form) => form.elements.typed_by?.value;
  const addressOf = (form) => path(form.getAttribute("action") || location.href);
  const keyOf = (form) => `typed ${addressOf(form)} ${owner(form)}`;
  const isKept = (form) => form?.method === "post" && owner(form) && !form.querySelector("[type=password]");
  const fieldsOf = (form) => [...form.elements].filter((field) =>
    field.name && field.matches("input:not([type=hidden], [type=file], [type=submit]), textarea, select"));
  const ticks = (field) => field.matches("[type=checkbox], [type=radio]");
  const read = (form) => fieldsOf(form).map((field) => [field.name, field.value, ticks(field) ? field.checked : null]);
  const stored = (key) => { try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; } };
  const store = (key, value) => {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch { /* full: keep on */ }
  };

  const forget = (address) => Object.keys(sessionStorage)
    .filter((key) => key.startsWith(`typed ${address} `))
    .forEach((key) => sessionStorage.removeItem(key));

  // A change that was put back tells the form so: its autosave, its counters.
  const fill = (form, values) => {
    const at = {};
    let changed = null;
    fieldsOf(form).forEach((field) => {
      const wanted = ticks(field)
        ? values.find(([name, value]) => name === field.name && value === field.value)
        : values.filter(([name]) => name === field.name)[at[field.name] = (at[field.name] ?? -1) + 1];
      if (!wanted) return;
      const [, value, checked] = wanted;
      if (ticks(field) ? field.checked === checked : field.value === value) return;
      if (ticks(field)) field.checked = checked; else field.value = value;
      changed = field;
    });
    changed?.dispatchEvent(new Event("input", { bubbles: true }));
    return Boolean(changed);
  };

  // A folded group that holds something stands open: what was put back unseen would be sent unseen.
  const isDrawn = (field) => {
    if (ticks(field)) return field.checked === field.defaultChecked;
    if (!field.matches("select")) return field.value === field.defaultValue;
    const drawn = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex === (field.multiple ? drawn : Math.max(drawn, 0));
  };
  const unfold = (form) => fieldsOf(form).filter((field) => !isDrawn(field)).forEach((field) => {
    for (let group = field.closest("details"); group; group = group.parentElement.closest("details")) group.open = true;
  });

  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (isKept(form)) store(keyOf(form), read(form));
  });

  // Sent once: a second click while the first is on its way sends nothing.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("data-download")) return;
    if (form.dataset.sending) { event.preventDefault(); return; }
    form.dataset.sending = "yes";
    if (form.dataset.discard) forget(form.dataset.discard);
    if (addressOf(form) === "/accounts/logout/") { sessionStorage.clear(); return; }
    if (!isKept(form)) return;
    store(SENT, { key: keyOf(form), values: read(form) });
    sessionStorage.removeItem(keyOf(form));
  });

  // The next page says what came of it: not taken where it asks to sign in, or where one came back from an error.
  const settle = (isReturn) => {
    const sent = stored(SENT);
    sessionStorage.removeItem(SENT);
    if (sent && (isReturn || document.querySelector("[data-unsent]"))) store(sent.key, sent.values);
  };
  // What is back in a form without an autosave can be given up; the server's own note has a button for that.
  const offerDiscard = (form) => {
    const isNoted = all("[data-kept]").some((note) => note.dataset.kept === addressOf(form));
    if (isNoted || form.matches("[hx-post]") || form.querySelector("[data-back]")) return;
    const note = Object.assign(document.createElement("p"),
      { className: "note", textContent: `${SAYS.back} ` });
    note.dataset.back = "yes";
    const button = Object.assign(document.createElement("button"),
      { type: "button", className: "btn small", textContent: SAYS.discard });
    button.addEventListener("click", () => {
      forget(addressOf(form));
      form.reset();
      note.remove();
    });
    note.append(button);
    form.prepend(note);
  };
  const restore = () => all("form[method=post]").filter(isKept).forEach((form) => {
    const values = form.querySelector("[aria-invalid]") ? null : stored(keyOf(form));
    if (values && fill(form, values)) offerDiscard(form);
  });

  // What the server kept of a form that met no session stands in that form again.
  const fillKept = (note) => {
    const form = all("form[method=post]")
      .find((form) => isKept(form) && addressOf(form) === note.dataset.kept && !note.contains(form));
    if (!form) return;
    fill(form, all("input[type=hidden]", note).map((field) => [field.name, field.value, true]));
    all("[data-filled]", note).forEach((part) => { part.hidden = part.dataset.filled !== "yes"; });
  };
  window.addEventListener("pageshow", (event) => {
    const [entry] = performance.getEntriesByType("navigation");
    all("form[data-sending]").forEach((form) => delete form.dataset.sending);
    settle(event.persisted || entry?.type === "back_forward");
    restore();
    all("[data-kept]").forEach(fillKept);
    all("form[method=post]").forEach(unfold); // a browser puts values back too
  });

  // Autosave tells the truth: "Draft kept" is taken back as soon as it isn't so, and tried again when it may be.
  const kept = () => document.getElementById("kept");
  const unkept = () => document.querySelector("form[hx-post][data-unkept]");
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt.closest("form[hx-post]");
    if (!form) return;
    if (event.detail.successful) {
      delete form.dataset.unkept;
      sessionStorage.removeItem(keyOf(form));
      return;
    }
    form.dataset.unkept = "yes";
    store(keyOf(form), read(form));
    if ([401, 403].includes(event.detail.xhr.status)) return;
    const words = document.getElementById("not-kept")?.content.cloneNode(true);
    if (words && kept()) kept().replaceChildren(words);
  });
  const again = async () => {
    const form = unkept();
    if (!form || document.hidden || !navigator.onLine) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const same = fresh.querySelector("[name=typed_by]")?.value === owner(form);
    const token = fresh.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (!same || !token) return;
    all("[name=csrfmiddlewaretoken]").forEach((field) => { field.value = token; });
    fieldsOf(form)[0]?.dispatchEvent(new Event("input", { bubbles: true }));
  };
  ["online", "focus"].forEach((name) => window.addEventListener(name, again));
  document.addEventListener("visibilitychange", again);
})();
