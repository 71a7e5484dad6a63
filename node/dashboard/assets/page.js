// The page of one agent. It asks one websocket, shows what comes, and can pause. Every text is set as
// text: nothing that is shown can become markup.
"use strict";

const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function el(tag, attributes, ...children) {
  const out = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) out.setAttribute(name, value);
  out.append(...children.filter((child) => child !== null));
  return out;
}
function svg(tag, attributes, text) {
  const out = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) out.setAttribute(name, value);
  if (text !== undefined) out.textContent = text;
  return out;
}
// Replaces what `id` shows only when `key` has changed, so that focus and scrolling stay.
const shown = {};
function show(id, key, make) {
  const text = JSON.stringify(key);
  if (shown[id] === text) return;
  shown[id] = text;
  byId(id).replaceChildren(...make());
}
const quiet = (text) => el("p", { class: "quiet" }, text);
const badge = (tone, text) => el("span", { class: "badge " + tone }, text);
const sats = (msat) => Math.round(msat / 1000).toLocaleString("en");
const stamp = (unix) => new Date(unix * 1000).toISOString().slice(0, 19).replace("T", " ");
function age(seconds) {
  if (seconds < 90) return seconds + " s";
  if (seconds < 5400) return Math.round(seconds / 60) + " min";
  return seconds < 172800 ? Math.round(seconds / 3600) + " h" : Math.round(seconds / 86400) + " days";
}

// ---- the websocket

let socket = null, token = "", session = "", refused = false;

function link(text, tone) {
  byId("link").textContent = text;
  byId("link").className = "badge " + tone;
}
function ask(question) {
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(question));
}
function open() {
  socket = new WebSocket("ws://" + location.host + "/live");
  socket.onopen = () => ask({ token });
  socket.onmessage = (message) => take(JSON.parse(message.data));
  socket.onclose = () => {
    byId("pause").disabled = true;
    if (refused) return;
    link("connection lost", "bad");
    setTimeout(open, 2000);
  };
}
function take(message) {
  if (message.type === "now") draw(message);
  else if (message.type === "session") drawSession(message);
  else if (message.type === "error") link(message.text, "bad");
  else if (message.type === "denied") {
    refused = true;
    sessionStorage.removeItem("token");
    link("wrong token", "bad");
    byId("gate").hidden = false;
    byId("token").focus();
  }
}

// ---- what is shown

function draw(now) {
  const status = now.status;
  byId("main").hidden = false;
  byId("gate").hidden = true;
  link("live", "good");
  const name = (status.agents || [{}])[0].name || "agent";
  byId("name").textContent = name;
  document.title = name + ": " + now.doing;
  byId("npub").textContent = status.npub || status.identity;
  if (byId("doing").textContent !== now.doing) byId("doing").textContent = now.doing;
  byId("doing").parentElement.className = now.doing.startsWith("paused") ? "now stopped"
    : /^(waits|blocked)/.test(now.doing) ? "now blocked" : "now";
  byId("pause").disabled = Boolean(status.paused);
  byId("pause").textContent = status.paused ? "Paused" : "Pause agent";
  drawWaiting(status);
  drawSpend(now.spend, status.budget);
  drawCosigners(status.cosigners);
  drawRelays(now.health, status.relays);
  drawSessions(now.sessions);
  show("record", now.record, () => now.record.slice().reverse().map((entry) =>
    el("li", {}, el("time", {}, stamp(entry.at)), el("b", {}, entry.what), el("span", {}, entry.text))));
}

function drawWaiting(status) {
  const elsewhere = status.tasks.filter((tick) => tick.waits_for);
  const now = Math.floor(Date.now() / 1000);
  show("waiting", [status.pending, elsewhere, Math.floor(now / 10)], () => {
    const rows = status.pending.map((question) => el("div", { class: "row" },
      el("span", {}, el("span", { class: "code" }, question.code), " " + question.action),
      badge("mid", question.state + ", " + age(question.age)),
      el("p", { class: "shown" }, question.text)));
    for (const tick of elsewhere)
      rows.push(el("div", { class: "row" }, el("span", {}, tick.waits_for, el("br", {}),
        el("span", { class: "quiet" }, "a co-signer asked; the code is in the operator's messages")),
        badge("mid", age(Math.max(0, now - tick.started)))));
    return rows.length ? rows : [quiet("Nothing waits.")];
  });
}

function drawSpend(days, budget) {
  const limit = budget.day_limit_msat;
  byId("budget").textContent = sats(budget.day_spent_msat) + " of " + sats(limit) + " sat today" +
    (budget.day_reserved_msat ? ", " + sats(budget.day_reserved_msat) + " reserved" : "");
  show("spend", [days, limit], () => {
    const width = 520, height = 130, step = width / days.length;
    const most = Math.max(limit, ...days.map((day) => day.msat), 1);
    const total = days.reduce((sum, day) => sum + day.msat, 0);
    const y = (msat) => height - (msat / most) * (height - 24);
    const out = svg("svg", { viewBox: `0 0 ${width} ${height + 22}`, role: "img",
      "aria-label": `${sats(total)} sat in ${days.length} days, limit ${sats(limit)} sat a day` });
    days.forEach((day, i) => {
      const bar = svg("rect", { class: day.msat > limit ? "bar over" : "bar", x: i * step + 2, y: y(day.msat),
        width: step - 4, height: height - y(day.msat), rx: 2 });
      bar.append(svg("title", {}, stamp(day.day).slice(0, 10) + ": " + sats(day.msat) + " sat"));
      out.append(bar);
    });
    out.append(svg("line", { class: "base", x1: 0, x2: width, y1: height, y2: height }),
      svg("line", { class: "limit", x1: 0, x2: width, y1: y(limit), y2: y(limit) }),
      svg("text", { x: 2, y: y(limit) - 5 }, "daily limit " + sats(limit) + " sat"),
      svg("text", { x: 0, y: height + 18 }, stamp(days[0].day).slice(0, 10)),
      svg("text", { x: width, y: height + 18, "text-anchor": "end" }, "today"));
    return [out];
  });
}

function drawCosigners(members) {
  show("cosigners", members, () => members.map((member) => el("div", { class: "row" },
    el("span", {}, "Share " + member.idx, el("br", {}), el("span", { class: "quiet" },
      (member.judges ? "judges by its own policy" : member.online ? "signs blindly" : "not heard of") +
      (member.why_not ? "; " + member.why_not : ""))),
    el("span", {}, badge(member.online ? "good" : "bad", member.online ? "online" : "away"), " ",
      badge(member.nonces < 5 ? "mid" : "", member.nonces + " nonces")))));
}

// Runs of equal minutes as rectangles; the newest minute is at the right.
function strip(line, url) {
  const minutes = 1440;
  const out = svg("svg", { viewBox: `0 0 ${minutes} 18`, preserveAspectRatio: "none", class: "strip", role: "img",
    "aria-label": "health of " + url });
  out.append(svg("rect", { class: "fn", x: 0, y: 0, width: minutes, height: 18 }));
  for (const run of line.matchAll(/o+|s+|x+/g)) {
    const wide = Math.max(run[0].length, 4), at = minutes - line.length + run.index;
    out.append(svg("rect", { class: "f" + run[0][0], x: Math.min(at, minutes - wide), y: 0, width: wide, height: 18 }));
  }
  return out;
}
function drawRelays(health, relays) {
  const states = relays.map((relay) => [relay.url, relay.connected, relay.state, relay.last_error]);
  show("relays", [health, states], () => relays.length ? relays.map((relay) => {
    const known = health.relays.find((entry) => entry.url === relay.url);
    return el("div", { class: "relay" }, el("div", { class: "row" }, el("span", { class: "mono" }, relay.url),
      badge(relay.connected ? "good" : "bad", relay.connected ? "connected" : relay.state || "away"),
      relay.last_error && !relay.connected ? el("p", { class: "shown" }, relay.last_error) : null),
      strip(known ? known.line : "", relay.url));
  }) : [quiet("No relay is in use.")]);
}

let stepsShown = -1;
function drawSessions(sessions) {
  const chosen = sessions.find((entry) => entry.d === session);
  const stage = chosen ? chosen.steps + (chosen.ended ? 0.5 : 0) : -1;
  if (stage !== stepsShown && chosen) ask({ ask: "session", d: session });  // it has grown
  stepsShown = stage;
  show("sessions", [sessions, session], () => sessions.length ? sessions.map((entry) => {
    const button = el("button", { type: "button", class: "pick", "aria-pressed": String(entry.d === session) },
      el("span", {}, stamp(entry.started)),
      el("span", { class: "quiet" }, entry.steps + " steps, " + (entry.ended ? "ended" : "running")));
    button.onclick = () => {
      session = entry.d;
      stepsShown = -1;
      drawSessions(sessions);
      [...byId("sessions").children].find((child) => child.getAttribute("aria-pressed") === "true").focus();
    };
    return button;
  }) : [quiet("No session yet.")]);
}
function drawSession(answer) {
  const verdicts = { valid: ["good", "chain verified"], running: ["mid", "still running"] };
  const [tone, words] = verdicts[answer.verdict] || ["bad", "chain " + answer.verdict];
  const steps = answer.steps.map((step) => el("li", {}, el("b", {}, String(step.seq)),
    el("span", { class: step.signed ? "good" : "bad", title: step.signed ? "signature verified" : "signature does not verify" },
      step.signed ? "✓" : "✗"), el("span", {}, step.text)));
  byId("session").replaceChildren(el("p", {}, badge(tone, words), " ", el("code", {}, answer.d)),
    el("ol", { class: "steps", tabindex: "0", "aria-label": "steps" }, ...steps));
}

// ---- beginning

byId("pause").onclick = () => {
  if (confirm("Pause the agent? It stands still until `sovereign resume`.")) ask({ ask: "pause" });
};
byId("gate").onsubmit = (event) => {
  event.preventDefault();
  token = byId("token").value.trim();
  sessionStorage.setItem("token", token);
  refused = false;
  open();
};
token = location.hash.slice(1) || sessionStorage.getItem("token") || "";
if (location.hash) history.replaceState(null, "", location.pathname);  // the token is nobody's history
if (token) {
  sessionStorage.setItem("token", token);
  open();
} else {
  link("not connected", "mid");
  byId("gate").hidden = false;
}
