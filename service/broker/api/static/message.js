// The drawer: one message, its attempts with request and answer, and what can be done about it.

import { request } from "./api.js";
import { ENDED, badge, messageBadge, reason } from "./states.js";
import { $, absolute, element, many, moment, size, timeOfDay, toast, took, twice } from "./words.js";

let id = null, message = null, told = "", mark = "", opener = null, opened = new Set(), buttons = {};

export function open(chosen) {
  if (id === chosen) return;
  if (!id) opener = document.activeElement;
  [id, message, told, mark, opened] = [chosen, null, "", "", new Set(["newest"])];
  const drawer = $("#drawer");
  drawer.replaceChildren(head(), element("p", { className: "quiet" }, "Looking it up …"));
  drawer.hidden = false;
  drawer.focus({ preventScroll: true });
}

export function close() {
  if (!id) return;
  id = null;
  $("#drawer").hidden = true;
  if (opener?.isConnected) opener.focus({ preventScroll: true });
}

/** Leaves the drawer, to the view below it. */
export function leave() { if (id) location.hash = $("#views [aria-current]").getAttribute("href"); }

export async function refresh({ overview }) {
  const asked = id;
  if (!asked) return;
  // Of a message that has ended, only its dead letter can still come or go.
  const letters = JSON.stringify([overview.counts.deadLetters, overview.newestDlqId, overview.mayWrite]);
  if (message && ENDED.includes(message.state) && mark === letters) return;
  let found;
  try { found = await request(`/waybill/v1/messages/${encodeURIComponent(asked)}`); }
  catch (problem) {
    if (problem.status !== 404) throw problem;
    if (id === asked && !message) $("#drawer").replaceChildren(head(), element("p", { className: "trouble" }, `${problem.message}.`));
    return;
  }
  if (id !== asked) return;
  mark = letters;
  const now = JSON.stringify([found, document.body.dataset.may]);
  if (now === told) return; // nothing new: what is selected and unfolded stays
  [message, told] = [found, now];
  draw();
}

export function press(name) {
  const button = buttons[name];
  if (button?.isConnected && !button.disabled) button.click();
}

function head() {
  const shut = element("button", { className: "ghost", title: "Close (Esc)", ariaLabel: "Close", onclick: leave }, "✕");
  return element("header", {}, element("h2", {}, message ? `${message.method} ${message.url}` : id), shut);
}

function draw() {
  const focused = document.activeElement?.dataset?.act;
  for (const one of $("#drawer").querySelectorAll("details")) remember(one);
  $("#drawer").replaceChildren(head(), messageBadge(message), trouble(), actions(), facts(), ...attempts(), asked(), log());
  if (focused && buttons[focused]?.isConnected) buttons[focused].focus();
}

function remember({ open: unfolded, dataset: { key } }) {
  if (unfolded) opened.add(key); else opened.delete(key);
}

function trouble() {
  const error = message.attempts.at(-1)?.error;
  const text = {
    failed: () => `${sentence(error ?? "It failed")} ${message.dlqId ? "It lies with the dead letters until somebody retries or deletes it." : "It is with the dead letters no more."}`,
    retrying: () => `${sentence(error ?? "An attempt failed")} The next attempt comes by itself.`,
    waiting: () => reason(message) && `It waits ${reason(message)}.`,
    active: () => message.cancelRequested && "It is being cancelled; the attempt under way may still end well.",
  }[message.state]?.();
  return element("p", { className: message.state === "failed" ? "trouble" : "trouble waits", hidden: !text }, text || "");
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

function actions() {
  const may = document.body.dataset.may === "write";
  const cancel = twice("Cancel", "Really cancel?", () => act(`/v2/messages/${encodeURIComponent(message.messageId)}`, "DELETE", () => toast("It is cancelled.")));
  const retry = element("button", { onclick: () => act(`/v2/dlq/retry/${encodeURIComponent(message.dlqId)}`, "POST", retried) }, "Retry");
  const again = element("button", { onclick: publishAgain }, "Publish again …");
  cancel.disabled = !may || ENDED.includes(message.state) || message.cancelRequested;
  retry.disabled = !may || !message.dlqId;
  again.disabled = !may || !repeatable();
  again.title = repeatable() ? "Fill the form with this message" : "Its content is not here as it was published";
  buttons = { cancel, retry, again };
  for (const [name, button] of Object.entries(buttons)) button.dataset.act = name;
  return element("div", { className: "actions" }, cancel, retry, again, may ? null : element("span", { className: "quiet" }, "This token may only read."));
}

/** Whether the whole request is here, and nothing of it hidden. */
function repeatable() {
  const { forgotten, cut, bodyBase64, body = "", header = {} } = message.request;
  const hidden = [body, ...Object.values(header).flat()].some((text) => text.startsWith("REDACTED:"));
  return !forgotten && !cut && !bodyBase64 && !hidden;
}

function publishAgain() {
  const { body = "", header } = message.request;
  const forwarded = Object.entries(header).filter(([name]) => !/^(Upstash-.*|User-Agent|Content-Type)$/i.test(name));
  dispatchEvent(new CustomEvent("publish-again", { detail: {
    destination: message.url, method: message.method, body, type: header["Content-Type"]?.[0] ?? "", queue: message.queueName ?? "",
    label: message.labels?.join(",") ?? "", retries: String(message.maxRetries),
    headers: forwarded.flatMap(([name, values]) => values.map((value) => `Upstash-Forward-${name}: ${value}`)).join("\n"),
  } }));
}

function retried(answer) {
  toast("It was published again,", element("a", { href: `#/messages/${encodeURIComponent(answer.messageId)}` }, "as a new message."));
}

async function act(path, method, then) {
  try { then(await request(path, { method })); } catch (problem) { toast(problem.message); }
  dispatchEvent(new Event("look"));
}

function facts() {
  const one = message;
  const tries = one.attempts.at(-1)?.number ?? 0;
  const limits = [one.parallelism && `${one.parallelism} at once`, one.rate && `${one.rate} in ${one.period} s`].filter(Boolean).join(", ");
  const rows = [
    ["Id", element("code", {}, one.messageId)],
    ["Published", moment(one.createdAt)],
    ["Next attempt", one.nextDeliveryTime && moment(one.nextDeliveryTime)],
    ["Ended", one.finishedAt && moment(one.finishedAt)],
    ["Attempts", `${tries} of at most ${one.maxRetries + 1}`],
    ["Retry delay", one.retryDelayExpression && element("code", {}, one.retryDelayExpression)],
    ["Timeout", one.timeout && `${one.timeout} s`],
    ["Queue", one.queueName && link("queueName", one.queueName)],
    ["Flow control", one.flowControlKey && element("span", {}, link("flowControlKey", one.flowControlKey), limits && `, ${limits}`)],
    ["Labels", one.labels && element("span", {}, ...one.labels.flatMap((label, at) => [at ? ", " : "", link("label", label)]))],
    ["URL group", one.topicName && element("span", {}, link("topicName", one.topicName), one.endpointName ? `, ${one.endpointName}` : "")],
    ["Schedule", one.scheduleId && link("scheduleId", one.scheduleId)],
    ["Callback", one.callback], ["On failure", one.failureCallback], ["Published from", one.callerIP],
  ].filter(([, value]) => value);
  return element("dl", { className: "facts" }, ...rows.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]));
}

const link = (by, text) => element("a", { href: `#/messages?${new URLSearchParams({ [by]: text })}` }, text);

function attempts() {
  const title = element("h3", {}, "Attempts");
  const under = message.state === "active" ? element("p", { className: "quiet" }, `Attempt ${message.retried + 1} is under way, or next.`) : null;
  const none = !message.attempts.length && !under ? element("p", { className: "quiet" }, "None yet.") : null;
  const list = [...message.attempts].reverse().map((one, at) => attempt(one, at === 0));
  return [title, ...[under, none].filter(Boolean), ...list];
}

function attempt(one, newest) {
  const state = one.outcome ?? "active";
  const answer = one.answer;
  const status = answer ? String(answer.status) : "no answer";
  const summary = element("summary", {}, badge(state, { delivered: "Delivered", failed: "Failed", active: "Under way" }[state]),
    element("b", {}, `Attempt ${one.number}`), element("span", { className: "quiet" }, [status, timeOfDay(one.startedAt), one.endedAt && took(one.endedAt - one.startedAt)].filter(Boolean).join(" · ")));
  summary.title = absolute(one.startedAt);
  const key = newest ? "newest" : `attempt ${one.number}`;
  return element("details", { dataset: { key }, className: "attempt", open: opened.has(key) }, summary,
    one.error && !answer ? element("p", { className: "trouble" }, sentence(one.error)) : null,
    answer ? carried("Answer", answer) : null,
    one.nextDeliveryTime ? element("p", { className: "quiet" }, `The next attempt was set for ${timeOfDay(one.nextDeliveryTime)}, ${took(one.nextDeliveryTime - one.endedAt)} later.`) : null);
}

function asked() {
  const { forgotten, size: bytes } = message.request;
  const what = forgotten ? element("p", { className: "quiet" }, "Its body and headers were removed ten minutes after it ended.")
    : element("div", {}, carried("Request", message.request), element("p", { className: "quiet" }, "Upstash-Signature and Upstash-Retried are made anew for each attempt."));
  return element("details", { dataset: { key: "request" }, className: "attempt", open: opened.has("request") },
    element("summary", {}, element("b", {}, "Request"), element("span", { className: "quiet" }, forgotten ? "removed" : `${message.method}, ${size(bytes)}`)), what);
}

/** Headers and body of a request or an answer. */
function carried(name, { header = {}, body, bodyBase64, cut }) {
  const lines = Object.entries(header).flatMap(([key, values]) => values.map((value) => element("tr", {}, element("th", { scope: "row" }, key), element("td", {}, value))));
  const note = [bodyBase64 && "no text, shown in base64", cut && "the beginning"].filter(Boolean).join("; ");
  const text = body ?? bodyBase64;
  return element("div", { className: "carried" },
    lines.length ? element("table", { ariaLabel: `${name}: headers` }, ...lines) : null,
    text ? element("pre", { tabIndex: 0, ariaLabel: `${name}: body` }, pretty(text, header)) : element("p", { className: "quiet" }, "No body."),
    note ? element("p", { className: "quiet" }, `Body: ${note}.`) : null);
}

function pretty(text, header) {
  if (!String(header["Content-Type"] ?? "").includes("json")) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function log() {
  return element("details", { dataset: { key: "log" }, className: "attempt", open: opened.has("log") },
    element("summary", {}, element("b", {}, "Log"), element("span", { className: "quiet" }, many(message.log.length, "entry", "entries"))),
    element("ol", { className: "log" }, ...message.log.map((entry) => element("li", {}, element("time", { dateTime: new Date(entry.time).toISOString(), title: absolute(entry.time) }, timeOfDay(entry.time)), element("code", {}, entry.state)))));
}
