// What the tables of queues, schedules and keys share: rows that stay while they are the same, in pages.

import { request } from "./api.js";
import { arrange } from "./messages.js";
import { element, many, say, toast } from "./words.js";

const PAGE = 50;

export class Table {
  /** `columns` are words; a row is an array of as many cells. */
  constructor({ name, noun, columns, nothing }) {
    this.noun = noun;
    this.shown = PAGE;
    this.body = element("tbody");
    this.table = element("table", { className: "table", ariaLabel: name }, element("thead", {}, element("tr", {}, ...columns.map((word) => element("th", { scope: "col" }, word)))), this.body);
    this.columns = columns;
    this.empty = element("div", { className: "empty", hidden: true }, ...nothing);
    this.more = element("button", { className: "more", hidden: true, onclick: () => { this.shown += PAGE; this.draw(); } });
    this.head = element("div", { className: "tools" });
    this.node = element("section", { ariaLabel: name }, this.head, this.table, this.empty, this.more);
  }

  enter() {}

  /** Rows are drawn anew only where what they are made from has changed. */
  show(items, key, cells) {
    [this.items, this.key, this.cells] = [items, key, cells];
    this.draw();
  }

  draw() {
    if (!this.items) return;
    const known = new Map([...this.body.children].map((node) => [node.dataset.id, node]));
    const wanted = this.items.slice(0, this.shown).map((item) => this.row(item, known.get(this.key(item))));
    arrange(this.body, wanted);
    this.table.hidden = !this.items.length;
    this.empty.hidden = this.items.length > 0;
    this.more.hidden = this.items.length <= this.shown;
    say(this.more, `More: ${many(this.items.length - this.shown, this.noun)}`);
  }

  row(item, node) {
    const told = JSON.stringify([item, document.body.dataset.may]);
    if (node?.told === told) return node;
    const made = node ?? element("tr", { dataset: { id: this.key(item), row: "" }, tabIndex: -1 });
    made.told = told;
    const focused = made.contains(document.activeElement) && document.activeElement.dataset.act;
    made.replaceChildren(...this.cells(item).map((cell, at) => element("td", { dataset: { label: this.columns[at] } }, ...[cell].flat())));
    if (focused) made.querySelector(`[data-act="${focused}"]`)?.focus();
    return made;
  }
}

export const mayWrite = () => document.body.dataset.may === "write";

/** A button for whoever may change something. */
export function button(label, act, onclick) {
  return Object.assign(element("button", { dataset: { act }, disabled: !mayWrite(), onclick }, label), mayWrite() ? {} : { title: "This token may only read" });
}

/** A button that sends a request, says how it went, and has everything looked at again. */
export const command = (label, act, path, method, done) => button(label, act, () => send(path, method, done));

export async function send(path, method, done, more = {}) {
  try { const answer = await request(path, { ...more, method }); toast(typeof done === "function" ? done(answer) : done); }
  catch (problem) { toast(problem.message); }
  dispatchEvent(new Event("look"));
}
