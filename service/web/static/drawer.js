// The drawer: one document's whole story, its text, and what can be done about it.

import { request } from "./api.js";
import { render } from "./document-status.js";
import { $, absolute, ago, clock, element, say, size, throttled, toast } from "./format.js";

const KINDS = {
  processing_succeeded: "good", processing_failed: "bad", dead_lettered: "bad", publish_failed: "bad",
  lease_expired: "bad", retry_scheduled: "wait", cancelled: "wait", cancel_requested: "wait",
  processing_started: "work", progress_reported: "work",
};
const FINAL = ["succeeded", "failed", "cancelled"];

let doc = null, tab = "history", page = 1, parts = null, opener = null, sure = 0;

export const current = () => doc;

export function open(chosen) {
  const other = doc?.id !== chosen.id;
  if (!doc) opener = document.activeElement;
  doc = chosen;
  if (other) { tab = "history"; page = 1; build(); }
  $("#drawer").hidden = false;
  draw();
  show();
  $("#drawer").focus({ preventScroll: true });
}

export function close() {
  if (!doc) return false;
  doc = null;
  $("#drawer").hidden = true;
  opener?.focus?.({ preventScroll: true });
  return true;
}

/** The feed told something of a document. */
export function change(changed) {
  if (!doc || doc.id !== changed.id) return;
  const ended = changed.status !== doc.status || changed.erasure !== doc.erasure;
  doc = changed;
  draw();
  if (tab === "history") reload(); else if (ended) show();
}

const reload = throttled(400, () => doc && tab === "history" && show());

function build() {
  const badge = element("span", { className: "status-badge" });
  const shut = element("button", { className: "ghost", title: "Close (Esc)", ariaLabel: "Close", onclick: close }, "✕");
  const act = (name, key, label) => element("button", { dataset: { act: name }, onclick: () => perform(name) }, element("span", {}, label), element("kbd", {}, key));
  parts = {
    badge, title: element("h2"),
    trouble: element("p", { className: "trouble" }),
    actions: element("div", { className: "actions" }, act("retry", "r", "Retry"), act("cancel", "c", "Cancel")),
    facts: element("dl", { className: "facts" }),
    tabs: element("div", { className: "tabs", role: "tablist" }),
    body: element("div", { role: "tabpanel" }),
  };
  for (const [name, label] of [["history", "History"], ["text", "Text"]])
    parts.tabs.append(element("button", { role: "tab", dataset: { tab: name }, onclick: () => { tab = name; show(); } }, label));
  $("#drawer").replaceChildren(element("header", {}, parts.title, shut), badge, parts.trouble, parts.actions, parts.facts, parts.tabs, parts.body);
}

function draw() {
  say(parts.title, doc.erasure ? "Erased" : doc.name || doc.id);
  render(parts.badge, doc);
  const why = trouble();
  parts.trouble.hidden = !why;
  parts.trouble.classList.toggle("waits", doc.status !== "failed" || Boolean(doc.erasure));
  say(parts.trouble, why ?? "");
  const [retry, cancel] = parts.actions.children;
  retry.disabled = !FINAL.includes(doc.status) || Boolean(doc.erasure);
  cancel.disabled = FINAL.includes(doc.status) || doc.cancel_requested;
  say(retry.firstChild, doc.status === "succeeded" ? "Run again" : "Retry");
  say(cancel.firstChild, doc.cancel_requested && !FINAL.includes(doc.status) ? "Cancelling" : Date.now() < sure ? "Really cancel?" : "Cancel");
  cancel.classList.toggle("sure", Date.now() < sure && !cancel.disabled);
  facts();
}

function trouble() {
  if (doc.erasure) return doc.erasure === "complete" ? "What it held was erased. Only its history is left." : "What it held is being erased.";
  if (doc.status === "failed") return `${doc.error ?? "It failed."} It stays so until somebody retries it.`;
  if (doc.status === "retrying") {
    const when = doc.retry_at ? ` The next attempt is due at ${clock(doc.retry_at)}, by itself.` : "";
    return `${doc.error ?? "An attempt failed."}${when}`;
  }
  return null;
}

function facts() {
  const copy = element("button", { className: "copy", onclick: () => copied(doc.id) }, "copy");
  const heard = doc.heard_at ? `, last heard ${ago(doc.heard_at)}` : "";
  const rows = [
    ["Id", element("span", {}, doc.id, copy)],
    ["Delivery", `${doc.delivery ?? "not handed over yet"}${heard}`],
    ["Attempt", doc.attempt ? `${doc.attempt} of ${doc.attempts || "–"}${doc.run > 1 ? `, run ${doc.run}` : ""}` : "none yet"],
    ["Pages", doc.pages_total ? `${doc.status === "succeeded" ? doc.pages_total : doc.pages_done} of ${doc.pages_total}` : "–"],
    ["File", [doc.content_type, size(doc.bytes)].filter(Boolean).join(", ")],
    ["Owner", doc.owner],
    ["Received", element("time", { dateTime: doc.created_at, title: absolute(doc.created_at) }, `${absolute(doc.created_at)} (${ago(doc.created_at)})`)],
  ];
  parts.facts.replaceChildren(...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

async function copied(text) {
  try { await navigator.clipboard.writeText(text); toast("Copied."); }
  catch { getSelection().selectAllChildren($(".facts dd span")); toast("Selected: copy it with the keyboard."); }
}

async function show() {
  const asked = doc;
  for (const button of parts.tabs.children) button.ariaSelected = String(button.dataset.tab === tab);
  try { await (tab === "history" ? history(asked) : text(asked)); }
  catch (problem) { if (doc?.id === asked.id) parts.body.replaceChildren(element("p", { className: "trouble waits" }, problem.message)); }
}

async function history({ id }) {
  const { events } = await (await request(`/v1/documents/${encodeURIComponent(id)}/events`)).json();
  if (doc?.id !== id || tab !== "history") return;
  const lines = folded(events).reverse().map((group) => line(group));
  parts.body.replaceChildren(element("ol", { className: "history" }, ...lines));
}

/** Repeats of one kind in a row become one line: twenty progress reports say what the last says. */
function folded(events) {
  const groups = [];
  for (const event of events) {
    const last = groups.at(-1);
    if (last && last[0].type === event.type && event.type === "progress_reported") last.push(event);
    else groups.push([event]);
  }
  return groups;
}

function line(group) {
  const event = group.at(-1);
  const before = group.length - 1;
  const late = Math.abs(Date.parse(event.recorded_at) - Date.parse(event.occurred_at)) > 60_000 ? `, recorded ${clock(event.recorded_at)}` : "";
  return element("li", { dataset: { kind: KINDS[event.type] ?? "" } },
    element("time", { dateTime: event.occurred_at, title: absolute(event.occurred_at) }, clock(event.occurred_at)),
    element("div", {}, event.text, element("small", { title: JSON.stringify(event.data, null, 1) }, `${event.type} · #${event.position}${late}`),
      before > 0 ? element("small", {}, `and ${before} earlier report${before === 1 ? "" : "s"}`) : null));
}

async function text({ id, status, erasure, pages_total: pages }) {
  if (erasure) {
    parts.body.replaceChildren(element("p", { className: "trouble waits" }, "Its text was erased."));
    return;
  }
  if (status !== "succeeded") {
    parts.body.replaceChildren(element("p", { className: "trouble waits" }, "The text is here once the document is done."));
    return;
  }
  const found = await (await request(`/v1/documents/${encodeURIComponent(id)}/text?page=${page}`)).text();
  if (doc?.id !== id || tab !== "text") return;
  const turn = (by, label, sign) => element("button", { ariaLabel: label, disabled: page + by < 1 || page + by > pages, onclick: () => { page += by; show(); } }, sign);
  parts.body.replaceChildren(
    element("div", { className: "pager" }, turn(-1, "Previous page", "‹"), `Page ${page} of ${pages || 1}`, turn(1, "Next page", "›")),
    element("pre", { className: "paper" }, found.trim() || "(There is no text on this page.)"));
}

/** Retry or cancel; cancelling asks once more. */
export async function perform(name, chosen = doc) {
  if (!chosen) return;
  if (name === "retry" && !FINAL.includes(chosen.status)) return toast("Only a document that has ended can be retried.");
  if (name === "retry" && chosen.erasure) return toast("It was erased, and cannot run again.");
  if (name === "cancel" && FINAL.includes(chosen.status)) return toast("It has ended already.");
  if (name === "cancel" && Date.now() > sure) {
    sure = Date.now() + 4000;
    if (doc) { draw(); setTimeout(() => doc && draw(), 4100); }
    toast("Press again to cancel it for good.");
    return;
  }
  sure = 0;
  try {
    await request(`/v1/documents/${encodeURIComponent(chosen.id)}/${name}`, { method: "POST" });
    toast(name === "retry" ? "Another run was started." : "It is being cancelled.");
  } catch (problem) { toast(problem.message); }
}

/** Once a second. */
export function tick(staleSince) { if (doc) render(parts.badge, doc, staleSince); }
