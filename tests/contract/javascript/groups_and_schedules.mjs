import assert from "node:assert/strict";
import { test } from "node:test";
import { client, destination } from "./kit.mjs";

test("a URL group lives from its first endpoint to its last", async () => {
  const name = "js-group";
  await client.urlGroups.addEndpoints({
    name,
    endpoints: [{ name: "one", url: "http://example.com/1" }, { url: "http://example.com/2" }],
  });
  const group = await client.urlGroups.get(name);
  assert.deepEqual(group.endpoints, [
    { name: "one", url: "http://example.com/1" },
    { url: "http://example.com/2" },
  ]);
  assert.ok((await client.urlGroups.list()).some((one) => one.name === name));
  await client.urlGroups.removeEndpoints({ name, endpoints: [{ name: "one" }] });
  assert.equal((await client.urlGroups.get(name)).endpoints.length, 1);
  await client.urlGroups.delete(name);
  await client.urlGroups.delete(name);
  await assert.rejects(client.urlGroups.get(name), /not found/);
});

test("one publish to a group is one message for each endpoint", async () => {
  const there = await destination();
  const endpoints = ["a", "b"].map((name) => ({ name, url: `${there.url}/${name}` }));
  await client.urlGroups.addEndpoints({ name: "js-fan", endpoints });
  const answers = await client.publishJSON({ urlGroup: "js-fan", body: { n: 1 } });
  assert.deepEqual(answers.map((one) => one.url), endpoints.map((one) => one.url));
  const heard = await there.hears(2);
  assert.deepEqual(heard.map((one) => one.headers["upstash-topic-name"]), ["js-fan", "js-fan"]);
  const message = await client.messages.get(answers[1].messageId);
  assert.deepEqual([message.urlGroup, message.endpointName], ["js-fan", "b"]);
  assert.deepEqual(there.refused, []);
});

test("a schedule reads back as it was made", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: "http://example.com/x",
    cron: " CRON_TZ=Europe/Berlin 0 4 * * * ",
    scheduleId: "js-schedule",
    body: "tick",
    method: "PUT",
    retries: 7,
    retryDelay: "1000",
    delay: 90,
    timeout: 30,
    callback: "http://example.com/callback",
    failureCallback: "http://example.com/failure",
    queueName: "js-scheduled",
    flowControl: { key: "js-s", parallelism: 2 },
    label: ["one", "two"],
    headers: { "x-own": "1" },
  });
  assert.equal(scheduleId, "js-schedule");
  const schedule = await client.schedules.get(scheduleId);
  assert.equal(schedule.cron, "CRON_TZ=Europe/Berlin 0 4 * * *");
  assert.equal(schedule.destination, "http://example.com/x");
  assert.deepEqual([schedule.method, schedule.body, schedule.retries], ["PUT", "tick", 7]);
  assert.deepEqual([schedule.delay, schedule.timeout], [90, 30]);
  assert.equal(schedule.callback, "http://example.com/callback");
  assert.equal(schedule.failureCallback, "http://example.com/failure");
  assert.equal(schedule.queueName, "js-scheduled");
  assert.equal(schedule.retryDelayExpression, "1000");
  assert.deepEqual([schedule.flowControlKey, schedule.parallelism], ["js-s", 2]);
  assert.deepEqual([schedule.label, schedule.labels], ["one", ["one", "two"]]);
  assert.deepEqual(schedule.header["X-Own"], ["1"]);
  assert.deepEqual(schedule.header["Content-Type"], ["application/json"]);
  assert.equal(schedule.isPaused, false);
  const next = new Date(schedule.nextScheduleTime);
  assert.ok(next > Date.now() && next.getUTCMinutes() === 0);
  assert.ok([2, 3].includes(next.getUTCHours()));
});

test("a schedule without a body has none", async () => {
  const { scheduleId } = await client.schedules.create({
    destination: "http://example.com/x",
    cron: "* * * * *",
  });
  assert.ok(scheduleId.startsWith("scd_"));
  assert.equal("body" in (await client.schedules.get(scheduleId)), false);
  await client.schedules.delete(scheduleId);
});

test("a schedule is replaced, paused, resumed, listed and deleted", async () => {
  const make = (cron, more = {}) =>
    client.schedules.create({ destination: "http://example.com", cron, scheduleId: "js-r", ...more });
  await make("0 0 1 1 *", { retries: 7, label: "old" });
  await make("0 0 2 1 *");
  const replaced = await client.schedules.get("js-r");
  assert.deepEqual([replaced.cron, replaced.retries, "label" in replaced], ["0 0 2 1 *", 3, false]);
  await client.schedules.pause({ schedule: "js-r" });
  assert.equal((await client.schedules.get("js-r")).isPaused, true);
  await client.schedules.resume({ schedule: "js-r" });
  assert.equal((await client.schedules.get("js-r")).isPaused, false);
  assert.ok((await client.schedules.list()).some((one) => one.scheduleId === "js-r"));
  await client.schedules.delete("js-r");
  await assert.rejects(client.schedules.get("js-r"), /not found/);
});

test("a schedule whose expression is none is refused by name", async () => {
  const request = { destination: "http://example.com", cron: "61 * * * *" };
  await assert.rejects(client.schedules.create(request), /Upstash-Cron.*minute/);
});
