// Pages work without this. It lets ages tick, tells what happens, copies what is
// marked for it, and takes keys.
"use strict";
(() => {
  const root = document.documentElement;
  const loaded = performance.now();
  const started = Date.parse(root.dataset.now);
  const speed = Number(root.dataset.speed) || 1;

  // Ages, in the words of the server: "2 hours ago", "in 3 minutes", "5 days".
  const units = [["year", 31536000, 2], ["month", 2592000, 2], ["week", 604800, 3], ["day", 86400, 2], ["hour", 3600, 2], ["minute", 60, 2]];
  const span = (seconds) => {
    for (const [name, size, from] of units) {
      if (seconds >= size * from) return Math.floor(seconds / size).toLocaleString("en") + " " + name + "s";
    }
    return Math.floor(seconds) + (Math.floor(seconds) === 1 ? " second" : " seconds");
  };
  const ages = [...document.querySelectorAll("time")].flatMap((el) => {
    const words = el.textContent;
    const due = "due" in el.dataset, ago = words === "just now" || / ago$|^in /.test(words);
    const at = Date.parse(el.dateTime);
    return at && (due || ago || /^[\d,]+ (second|minute|hour|day|week|month|year)s?$/.test(words)) ? [{ el, at, ago, due }] : [];
  });
  const tick = () => {
    const now = started + (performance.now() - loaded) * speed;
    for (const { el, at, ago, due } of ages) {
      const age = (now - at) / 1000;
      let words = span(Math.max(0, age));
      if (due) words = age >= 60 ? "overdue by " + words : age <= -10 ? "in " + span(-age) : "any moment";
      else if (ago) words = age >= 10 ? words + " ago" : age <= -10 ? "in " + span(-age) : "just now";
      if (el.textContent !== words) el.textContent = words;
    }
  };
  setInterval(() => { if (!document.hidden) tick(); }, 5000);
  document.addEventListener("visibilitychange", tick);

  // What happens while the page is open: numbers change in place, and it says how
  // much else has changed. Nothing that is read moves.
  const strip = document.querySelector("[data-live]");
  if (root.dataset.events && strip && window.EventSource) {
    const changed = new Set();
    const news = document.createElement("span"), show = document.createElement("a");
    let source, address = root.dataset.events, anew = false;
    show.href = location.href;
    show.onclick = (e) => { e.preventDefault(); location.reload(); };
    news.setAttribute("role", "status");
    strip.append(news);
    const tell = () => {
      if (!anew && !changed.size) return;
      show.textContent = anew ? "there is news, show" : changed.size + (changed.size === 1 ? " change, show" : " changes, show");
      if (!news.firstChild) news.append(show);
    };
    const listen = () => {
      if (document.hidden || source && source.readyState !== EventSource.CLOSED) return;
      source = new EventSource(address);
      source.addEventListener("state", (e) => {
        address = address.replace(/after=.*/, "after=" + e.lastEventId);
        const name = JSON.parse(e.data).package;
        if (!root.dataset.about || root.dataset.about === name) changed.add(name);
        tell();
      });
      source.addEventListener("reset", (e) => {
        address = address.replace(/after=.*/, "after=" + e.lastEventId);
        anew = true;
        tell();
      });
      source.addEventListener("pulse", (e) => {
        const now = JSON.parse(e.data);
        for (const el of document.querySelectorAll("[data-count]")) {
          const n = now[el.dataset.count];
          if (n !== undefined) el.textContent = n.toLocaleString("en");
        }
        anew = anew || now.repo !== Number(strip.dataset.live);
        tell();
      });
      source.onerror = () => { if (source.readyState === EventSource.CLOSED) setTimeout(listen, 5000); };
    };
    document.addEventListener("visibilitychange", () => { if (document.hidden && source) source.close(); else listen(); });
    addEventListener("pagehide", () => source && source.close());
    listen();
  }

  // Copying.
  if (navigator.clipboard) {
    for (const el of document.querySelectorAll("[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "copy";
      button.textContent = "copy";
      button.setAttribute("aria-label", "Copy " + el.dataset.copy);
      button.onclick = () => navigator.clipboard.writeText(el.dataset.copy).then(() => {
        button.textContent = "copied";
        setTimeout(() => { button.textContent = "copy"; }, 1500);
      });
      el.after(button);
    }
  }

  // Keys: none with a modifier, none in fields, and they can be turned off.
  const off = () => { try { return localStorage.getItem("keys") === "off"; } catch { return false; } };
  const list = [["/", "search"], ["g o", "overview"], ["g p", "packages"], ["g u", "updates"], ["g q", "queue"], ["g r", "repos"], ["g c", "collections"], ["g g", "groups"], ["g s", "status"],
    ["j, k", "next row, row before"], ["Enter", "open the row"], ["x", "unfold the row"], ["c", "compare the two builds"], ["e", "change the package or group"], ["?", "this list"]];
  const help = () => {
    const dialog = document.createElement("dialog");
    const rows = document.createElement("dl");
    rows.className = "pairs";
    for (const [key, what] of list) {
      const dt = document.createElement("dt"), dd = document.createElement("dd"), kbd = document.createElement("kbd");
      kbd.textContent = key;
      dt.append(kbd);
      dd.textContent = what;
      rows.append(dt, dd);
    }
    const toggle = document.createElement("button"), close = document.createElement("button"), acts = document.createElement("p");
    toggle.textContent = off() ? "Turn keys on" : "Turn keys off";
    toggle.onclick = () => { try { localStorage.setItem("keys", off() ? "on" : "off"); } catch { /* nothing to remember it in */ } dialog.close(); };
    close.textContent = "Close";
    close.onclick = () => dialog.close();
    acts.className = "acts";
    acts.append(close, toggle);
    dialog.append(rows, acts);
    dialog.onclose = () => dialog.remove();
    dialog.setAttribute("aria-label", "Keys");
    document.body.append(dialog);
    dialog.showModal();
  };
  const row = (step) => {
    const rows = [...document.querySelectorAll("main tbody tr")].filter((tr) => tr.querySelector("a") && tr.offsetParent);
    const at = rows.indexOf(document.activeElement.closest("main tbody tr"));
    const next = rows[at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step))];
    if (next) next.querySelector("a").focus();
  };
  const go = (selector) => { const el = document.querySelector(selector); if (el) el.click(); return el; };
  let leading = -Infinity; // when g was pressed
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    if (e.key !== "?" && off()) return;
    const led = performance.now() - leading < 1500;
    leading = -Infinity;
    if (led && /^[a-z]$/.test(e.key) && go(`[data-key="${e.key}"]`)) return e.preventDefault();
    switch (e.key) {
      case "/": document.querySelector("input[type=search]").focus(); break;
      case "g": leading = performance.now(); return;
      case "j": row(1); break;
      case "k": row(-1); break;
      case "x": {
        const fold = (document.activeElement.closest("tr") || document).querySelector("main details, tr details, td details");
        if (fold) fold.open = !fold.open;
        break;
      }
      case "c": go("a[data-compare]"); break;
      case "e": go("a[data-edit]"); break;
      case "?": help(); break;
      default: return;
    }
    e.preventDefault();
  });

  // The switch of collections and the account close like menus.
  for (const where of document.querySelectorAll(".where")) {
    document.addEventListener("click", (e) => { if (!where.contains(e.target)) where.open = false; });
    where.addEventListener("keydown", (e) => { if (e.key === "Escape") { where.open = false; where.querySelector("summary").focus(); } });
  }
})();
