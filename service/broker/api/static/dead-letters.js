// Dead letters: what failed for good, why, and the way back.

import { request } from "./api.js";
import { Table, command, mayWrite, send } from "./table.js";
import { element, many, moment, say, toast, twice } from "./words.js";

const PAGE = 25;

export class DeadLetters extends Table {
  constructor() {
    super({
      name: "Dead letters", noun: "dead letter", columns: ["Message", "Answer", "Failed", ""],
      nothing: [element("h2", {}, "No dead letters"), element("p", {}, "What fails for good comes here, and stays for seven days.")],
    });
    this.cursors = [null]; // one for each page up to this one
    this.seen = "";
    const retry = twice("Retry all of these", "Really retry all of these?", () => this.retryShown());
    const turn = (word, act) => element("button", { onclick: act }, word);
    [this.retryAll, this.back, this.on] = [retry, turn("Earlier", () => this.turn(-1)), turn("Later", () => this.turn(1))];
    this.where = element("span", { className: "quiet" });
    this.head.append(this.where, element("span", { className: "spacer" }), this.back, this.on, retry);
  }

  /** Letters hold whole bodies, so they are fetched only when some came or went. */
  async refresh({ overview }) {
    const mark = JSON.stringify([overview.counts.deadLetters, overview.newestDlqId, this.cursors.at(-1), overview.mayWrite]);
    if (mark === this.seen) return;
    const cursor = this.cursors.at(-1);
    const page = await request(`/v2/dlq?count=${PAGE}${cursor ? `&cursor=${cursor}` : ""}`);
    if (!page.messages.length && this.cursors.length > 1) { this.turn(-1); return; }
    [this.seen, this.next] = [mark, page.cursor];
    const count = overview.counts.deadLetters;
    const before = (this.cursors.length - 1) * PAGE;
    say(this.where, page.messages.length ? `${before + 1} to ${before + page.messages.length} of ${count}${overview.atLeast.includes("deadLetters") ? "+" : ""}, the earliest first` : "");
    this.back.hidden = this.cursors.length === 1;
    this.on.hidden = !this.next;
    this.retryAll.hidden = !page.messages.length;
    this.retryAll.disabled = !mayWrite();
    this.show(page.messages, (letter) => letter.dlqId, cells);
  }

  turn(by) {
    if (by > 0) this.cursors.push(this.next); else this.cursors.pop();
    this.seen = "";
    dispatchEvent(new Event("look"));
  }

  async retryShown() {
    const ids = this.items.map((letter) => letter.dlqId);
    const body = JSON.stringify({ dlqIds: ids });
    try {
      const { responses } = await request("/v2/dlq/retry", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      toast(`${many(responses.length, "message")} ${responses.length === 1 ? "was" : "were"} published again.`);
    } catch (problem) { toast(problem.message); }
    dispatchEvent(new Event("look"));
  }
}

function cells(letter) {
  const path = encodeURIComponent(letter.dlqId);
  const remove = twice("Delete", "Really delete?", () => send(`/v2/dlq/${path}`, "DELETE", "The dead letter is deleted."));
  Object.assign(remove, { disabled: !mayWrite() }).dataset.act = "delete";
  return [
    [element("a", { href: `#/messages/${encodeURIComponent(letter.messageId)}` }, element("b", {}, letter.url)), element("small", {}, [letter.queueName && `queue ${letter.queueName}`, letter.labels?.join(", "), letter.messageId].filter(Boolean).join(" · "))],
    [letter.responseStatus ? element("b", {}, String(letter.responseStatus)) : "no answer", element("small", {}, (letter.responseBody ?? "").slice(0, 120))],
    moment(Number(letter.dlqId.split("-")[0])), // its name begins with that time
    [command("Retry", "retry", `/v2/dlq/retry/${path}`, "POST", (answer) => `It was published again, as ${answer.messageId}.`), remove],
  ];
}
