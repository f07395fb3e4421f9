// Messages by state: the first page moves, further pages are asked for.

import { request } from "./api.js";
import { MESSAGE_STATES, messageBadge, reason } from "./states.js";
import { element, many, moment, say, size, toast } from "./words.js";

const PAGE = 50;
const MOST = 1000;
const FINDS = [
  ["messageId", "Message id"], ["url", "Destination"], ["host", "Host"], ["queueName", "Queue"], ["label", "Label"],
  ["flowControlKey", "Flow-control key"], ["topicName", "URL group"], ["scheduleId", "Schedule"],
];

export class Messages {
  constructor() {
    this.state = "";
    this.by = "messageId";
    this.text = "";
    this.further = []; // what "More" brought, behind the first page
    this.cursor = null;
    this.turn = 0;
    const chip = (state, word) => element("button", { dataset: { state }, onclick: () => this.choose({ state }) }, word);
    this.filters = element("div", { className: "filters", role: "group", ariaLabel: "State" }, chip("", "All"), ...MESSAGE_STATES.map(([state, word]) => chip(state, word)));
    this.field = element("input", { id: "find", type: "search", autocomplete: "off", spellcheck: false, ariaLabel: "Find" });
    this.select = element("select", { ariaLabel: "Find by" }, ...FINDS.map(([value, word]) => element("option", { value }, word)));
    this.list = element("ul", { className: "list", hidden: true });
    this.empty = element("div", { className: "empty", hidden: true });
    this.more = element("button", { className: "more", hidden: true, onclick: () => this.loadMore() }, "More");
    const find = element("form", { className: "find", role: "search", onsubmit: (event) => { event.preventDefault(); this.find(); } },
      this.select, this.field, element("button", {}, "Find"));
    this.field.addEventListener("input", () => { if (!this.field.value && this.text) this.find(); });
    this.node = element("section", { ariaLabel: "Messages" }, element("div", { className: "tools" }, this.filters, find), this.list, this.empty, this.more);
  }

  /** Shows what a link asks for, such as the messages of a queue. */
  enter(query) {
    for (const [by] of FINDS) if (query.has(by)) { this.by = by; this.text = query.get(by); }
    if (query.has("state")) this.state = query.get("state");
    this.select.value = this.by;
    if (this.text) this.field.value = this.text;
    if ([...query.keys()].length) { this.begin(); history.replaceState(null, "", "#/messages"); }
    this.mark();
  }

  choose(chosen) {
    Object.assign(this, chosen);
    this.begin();
    this.mark();
    dispatchEvent(new Event("look"));
  }

  find() {
    const text = this.field.value.trim();
    if (this.select.value === "messageId" && text) { location.hash = `#/messages/${encodeURIComponent(text)}`; return; }
    this.choose({ by: this.select.value, text });
  }

  begin() {
    this.further = [];
    this.cursor = null;
    this.turn += 1;
  }

  mark() {
    for (const button of this.filters.children) button.ariaPressed = String(button.dataset.state === this.state);
  }

  async ask(cursor) {
    const query = new URLSearchParams({ count: String(PAGE) });
    if (this.state) query.set("state", this.state);
    if (this.text) query.set(this.by, this.text);
    if (cursor) query.set("cursor", cursor);
    return request(`/waybill/v1/messages?${query}`);
  }

  async refresh({ overview }) {
    for (const button of this.filters.children) {
      const count = overview.counts[button.dataset.state];
      const word = MESSAGE_STATES.find(([state]) => state === button.dataset.state)?.[1] ?? "All";
      say(button, count ? `${word} ${count}${overview.atLeast.includes(button.dataset.state) ? "+" : ""}` : word);
    }
    const turn = this.turn;
    const page = await this.ask(null);
    if (turn !== this.turn) return; // something else was chosen meanwhile
    if (!this.further.length) this.cursor = page.cursor ?? null;
    this.first = page.messages;
    this.draw();
  }

  async loadMore() {
    const turn = this.turn;
    try {
      const page = await this.ask(this.cursor);
      if (turn !== this.turn) return;
      this.further = [...this.further, ...page.messages].slice(0, MOST);
      this.cursor = this.further.length < MOST ? page.cursor ?? null : null;
      if (!page.messages.length && page.cursor) toast("Nothing among the next 1,000 messages; there are more.");
      this.draw();
    } catch (problem) { toast(problem.message); }
  }

  draw() {
    if (!this.first) return;
    const ids = new Set(this.first.map((one) => one.messageId));
    const messages = [...this.first, ...this.further.filter((one) => !ids.has(one.messageId))];
    const known = new Map([...this.list.children].map((node) => [node.dataset.id, node]));
    const wanted = messages.map((message) => row(message, known.get(message.messageId)));
    arrange(this.list, wanted);
    this.list.hidden = !messages.length;
    this.more.hidden = !this.cursor;
    say(this.more, messages.length ? "More" : "Look further");
    this.drawEmpty(messages.length === 0);
  }

  drawEmpty(empty) {
    this.empty.hidden = !empty;
    const cause = this.text ? "text" : this.state || "nothing";
    if (!empty || this.empty.dataset.cause === cause + this.cursor) return;
    this.empty.dataset.cause = cause + this.cursor;
    const clear = element("button", { onclick: () => { this.field.value = ""; this.choose({ state: "", text: "" }); } }, "Show all messages");
    const [title, ...more] = {
      nothing: ["No messages yet", "Publish one with the button above, with an SDK, or from a terminal:"],
      text: ["No message matches", this.cursor ? "The newest 1,000 were looked at; there are more. " : "", clear],
      failed: ["Nothing has failed", "Failed messages are kept for three days. ", clear],
    }[cause] ?? ["None in this state", clear];
    const example = cause === "nothing" && element("pre", {}, `curl -X POST "$QSTASH_URL/v2/publish/http://localhost:8000/hook" \\\n  -H "Authorization: Bearer $QSTASH_TOKEN" -d "hello"`);
    this.empty.replaceChildren(element("h2", {}, title), element("p", {}, ...more), ...(example ? [example] : []));
  }
}

/** Puts nodes in order and touches only those that are not where they belong. */
export function arrange(list, wanted) {
  wanted.forEach((node, at) => { if (list.children[at] !== node) list.insertBefore(node, list.children[at] ?? null); });
  while (list.children.length > wanted.length) list.lastChild.remove();
}

function row(message, node) {
  const told = JSON.stringify(message);
  if (node?.told === told) return node;
  const made = node ?? element("li", { dataset: { id: message.messageId } }, element("a", { className: "row", href: `#/messages/${encodeURIComponent(message.messageId)}`, dataset: { row: "" } }));
  made.told = told;
  made.firstChild.replaceChildren(
    messageBadge(message),
    element("span", { className: "name" }, element("b", {}, `${message.method === "POST" ? "" : `${message.method} `}${message.url}`), element("small", { className: message.error && message.state !== "delivered" ? "bad" : "" }, about(message))),
    element("span", { className: "tries" }, tries(message)),
    element("span", { className: "when" }, when(message)));
  return made;
}

function about(message) {
  const parts = [
    message.state !== "delivered" && message.error, reason(message),
    message.queueName && `queue ${message.queueName}`, message.flowControlKey && `key ${message.flowControlKey}`,
    message.topicName && `group ${message.topicName}`, message.scheduleId && `schedule ${message.scheduleId}`,
    message.labels?.join(", "), message.messageId, message.size > 0 && size(message.size),
  ];
  return parts.filter(Boolean).join(" · ");
}

function tries({ state, retried, maxRetries }) {
  if (state === "cancelled") return "";
  if (state === "waiting") return maxRetries ? `up to ${many(maxRetries + 1, "attempt")}` : "1 attempt";
  return `attempt ${retried + 1}${state === "delivered" ? "" : ` of ${maxRetries + 1}`}`;
}

function when(message) {
  if (message.finishedAt) return moment(message.finishedAt);
  if (message.nextDeliveryTime && (message.waitsFor === "time" || message.state === "retrying")) return moment(message.nextDeliveryTime);
  return moment(message.createdAt);
}
