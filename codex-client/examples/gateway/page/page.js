"use strict";

// Shows /status every two seconds. The token stays in this script.
const byId = (id) => document.getElementById(id);
let token = "";
let timer = 0;

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = byId("token").value;
  refresh();
});

async function refresh() {
  clearTimeout(timer);
  try {
    const response = await fetch("/status", { headers: { authorization: `Bearer ${token}` } });
    const body = await response.json();
    if (!response.ok) {
      byId("status").hidden = true;
      byId("message").textContent = body.error.message;
      return;
    }
    show(body);
    byId("message").textContent = "";
  } catch {
    byId("message").textContent = "The gateway is not responding.";
  }
  timer = setTimeout(refresh, 2000);
}

function show(status) {
  const backend = [
    ["Backend", status.backend],
    ["Plan", status.plan],
    ["Chats", status.chat],
    ["Passed through", status.paths.join(", ")],
    ["Uptime", `${status.uptime_seconds} s, ${status.requests} requests`],
    ["Version", status.version],
  ];
  byId("backend").replaceChildren(
    ...backend.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
  );
  byId("limits").replaceChildren(...status.limits.map(limit));
  rows("live", status.live, (it) => [it.time, it.client, `${it.method} ${it.path}`, it.model, it.total_ms]);
  rows("models", status.models, (it) => [it.model, it.requests, it.input_tokens, it.cached_tokens, it.output_tokens]);
  rows("failures", status.failures, (it) => [
    it.time, `${it.method} ${it.path}`, it.status, it.fault, it.code, it.request_id,
  ]);
  byId("status").hidden = false;
}

function limit(it) {
  const reset = it.resets_at ? `, resets ${new Date(it.resets_at * 1000).toLocaleString()}` : "";
  const window = it.minutes ? ` of ${it.minutes} min` : "";
  const bar = element("progress");
  bar.max = 100;
  bar.value = it.used_percent;
  const whole = element("div", `${it.name}: ${it.used_percent} %${window}${reset}`);
  whole.className = "limit";
  whole.append(bar);
  return whole;
}

function rows(id, items, cells) {
  const body = byId(id).tBodies[0];
  body.replaceChildren(
    ...items.map((item) => {
      const row = element("tr");
      row.append(...cells(item).map((cell) => element("td", cell ?? "")));
      return row;
    }),
  );
}

function element(name, text = "") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}
