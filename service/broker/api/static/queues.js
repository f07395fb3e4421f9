// Queues: what waits in each, and whether it gives turns.

import { request } from "./api.js";
import { runs } from "./states.js";
import { Table, command } from "./table.js";
import { element } from "./words.js";

export class Queues extends Table {
  constructor() {
    super({
      name: "Queues", noun: "queue", columns: ["Queue", "State", "In it", "At once", ""],
      nothing: [element("h2", {}, "No queues"), element("p", {}, "A queue is made by the first message for it: give one in the form behind Publish, or enqueue with an SDK.")],
    });
  }

  async refresh() {
    this.show(await request("/v2/queues"), (queue) => queue.name, (queue) => {
      const path = `/v2/queues/${encodeURIComponent(queue.name)}`;
      return [
        element("b", {}, queue.name), runs(queue.paused), String(queue.lag), String(queue.parallelism),
        [
          queue.paused ? command("Resume", "switch", `${path}/resume`, "POST", `${queue.name} gives turns again.`) : command("Pause", "switch", `${path}/pause`, "POST", `${queue.name} is paused; it takes messages all the same.`),
          element("a", { href: `#/messages?${new URLSearchParams({ queueName: queue.name })}` }, "Its messages"),
        ],
      ];
    });
  }
}
