// Schedules: when each was and will be fired, and how its last messages ended.

import { request } from "./api.js";
import { runs } from "./states.js";
import { Table, command, mayWrite, send } from "./table.js";
import { element, moment, twice } from "./words.js";

const OUTCOMES = { IN_PROGRESS: "under way", SUCCESS: "delivered", FAIL: "failed" };

export class Schedules extends Table {
  constructor() {
    super({
      name: "Schedules", noun: "schedule", columns: ["Schedule", "State", "Next", "Last", ""],
      nothing: [element("h2", {}, "No schedules"), element("p", {}, "Make one with an SDK, or from a terminal:"), element("pre", {}, `curl -X POST "$QSTASH_URL/v2/schedules/http://localhost:8000/hook" \\\n  -H "Authorization: Bearer $QSTASH_TOKEN" -H "Upstash-Cron: 0 * * * *"`)],
    });
  }

  async refresh() {
    this.show(await request("/v2/schedules"), (schedule) => schedule.scheduleId, (schedule) => {
      const path = `/v2/schedules/${encodeURIComponent(schedule.scheduleId)}`;
      const remove = twice("Delete", "Really delete?", () => send(path, "DELETE", "The schedule is deleted."));
      Object.assign(remove, { disabled: !mayWrite() }).dataset.act = "delete";
      return [
        [element("b", {}, schedule.destination), element("code", {}, schedule.cron), element("small", {}, [schedule.scheduleId, schedule.queueName && `queue ${schedule.queueName}`].filter(Boolean).join(" · "))],
        runs(schedule.isPaused),
        schedule.nextScheduleTime ? moment(schedule.nextScheduleTime) : "–",
        last(schedule),
        [
          schedule.isPaused ? command("Resume", "switch", `${path}/resume`, "POST", "The schedule goes on with its next time.") : command("Pause", "switch", `${path}/pause`, "POST", "The schedule is paused; its times pass meanwhile."),
          remove,
          element("a", { href: `#/messages?${new URLSearchParams({ scheduleId: schedule.scheduleId })}` }, "Its messages"),
        ],
      ];
    });
  }
}

function last({ lastScheduleTime, lastScheduleStates = {}, error }) {
  if (!lastScheduleTime) return "–";
  const ends = Object.entries(lastScheduleStates).map(([id, state]) => element("a", { href: `#/messages/${encodeURIComponent(id)}` }, OUTCOMES[state] ?? state));
  return [moment(lastScheduleTime), element("small", { className: error ? "bad" : "" }, ...(error ? [error] : ends.slice(0, 3).flatMap((one, at) => [at ? ", " : "", one]) ))];
}
