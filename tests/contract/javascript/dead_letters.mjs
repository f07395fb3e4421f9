import assert from "node:assert/strict";
import { test } from "node:test";
import { REFUSAL, client, destination, until } from "./kit.mjs";

async function dead(count, more = () => ({})) {
  const there = await destination(REFUSAL);
  for (let n = 0; n < count; n++) {
    await client.publish({ url: `${there.url}/${n}`, body: `${n}`, ...more(n, there) });
  }
  const filter = { url: Array.from({ length: count }, (_, n) => `${there.url}/${n}`) };
  const list = async () => (await client.dlq.listMessages({ filter })).messages;
  await until(async () => (await list()).length === count);
  return { there, filter, list };
}

test("a dead letter tells what was answered", async () => {
  const { there, list } = await dead(1);
  const [letter] = await list();
  assert.equal(letter.responseStatus, 489);
  assert.equal(letter.responseBody, "for good");
  assert.equal(letter.body, "0");
  assert.equal(there.heard.length, 1);
  const [again] = (await client.dlq.listMessages({ dlqIds: [letter.dlqId] })).messages;
  assert.equal(again.messageId, letter.messageId);
});

test("dead letters come in pages, the oldest first", async () => {
  const { filter } = await dead(3);
  const first = await client.dlq.listMessages({ filter, count: 2 });
  const second = await client.dlq.listMessages({ filter, count: 2, cursor: first.cursor });
  assert.deepEqual([...first.messages, ...second.messages].map((one) => one.body), ["0", "1", "2"]);
  assert.equal(second.cursor, undefined);
});

test("dead letters are picked by each filter", async () => {
  await client.urlGroups.addEndpoints({
    name: "js-dead",
    endpoints: [{ url: "http://127.0.0.1:9/refused" }],
  });
  await client.publish({ urlGroup: "js-dead", retries: 0 });
  await client.queue({ queueName: "js-dead" }).enqueue({
    url: "http://127.0.0.1:9/queued",
    retries: 0,
  });
  const { list } = await dead(1, () => ({
    label: "js-dead",
    flowControl: { key: "js-dead", parallelism: 1 },
  }));
  const [letter] = await list();
  const filters = [
    [{ urlGroup: "js-dead" }, 1],
    [{ queueName: "js-dead" }, 1],
    [{ label: "js-dead" }, 1],
    [{ flowControlKey: "js-dead" }, 1],
    [{ messageId: letter.messageId }, 1],
    [{ label: "js-dead", responseStatus: 489 }, 1],
    [{ label: "js-dead", responseStatus: 500 }, 0],
    [{ label: "js-dead", fromDate: Date.now() - 60_000, toDate: Date.now() + 60_000 }, 1],
    [{ label: "js-dead", fromDate: Date.now() + 60_000 }, 0],
    [{ scheduleId: "js-none" }, 0],
  ];
  for (const [filter, count] of filters) {
    await until(async () => (await client.dlq.listMessages({ filter })).messages.length === count);
  }
});

test("dead letters are deleted: one, several, by filter, all in pages", async () => {
  const { filter, list } = await dead(6);
  const ids = (await list()).map((one) => one.dlqId);
  assert.deepEqual(await client.dlq.delete(ids[0]), { deleted: 1 });
  await assert.rejects(client.dlq.delete(ids[0]), /not found/);
  assert.deepEqual(await client.dlq.delete(ids.slice(0, 3)), { deleted: 2 });
  const page = await client.dlq.delete({ filter, count: 2 });
  assert.equal(page.deleted, 2);
  assert.ok(page.cursor);
  assert.deepEqual(await client.dlq.delete({ filter, cursor: page.cursor }), { deleted: 1 });
  await dead(2);
  let cursor;
  do {
    ({ cursor } = await client.dlq.delete({ all: true, count: 1, cursor }));
  } while (cursor);
  assert.deepEqual((await client.dlq.listMessages()).messages, []);
  assert.deepEqual(await client.dlq.delete([]), { deleted: 0 });
});

test("dead letters are tried again: one, several, by filter, all of them", async () => {
  const { there, filter, list } = await dead(5);
  const ids = (await list()).map((one) => one.dlqId);
  there.answer({ status: 200 });
  const one = await client.dlq.retry(ids[0]);
  assert.equal(one.responses.length, 1);
  await there.hears(6);
  await assert.rejects(client.dlq.delete(ids[0]), /not found/);
  assert.equal((await client.dlq.retry(ids.slice(0, 2))).responses.length, 1);
  const page = await client.dlq.retry({ filter, count: 1 });
  assert.equal(page.responses.length, 1);
  assert.ok(page.cursor);
  const rest = await client.dlq.retry({ all: true });
  assert.equal(rest.responses.length, 2);
  assert.equal(rest.cursor, undefined);
  const heard = await there.hears(10);
  assert.deepEqual(heard.slice(5).map((h) => h.body).sort(), ["0", "1", "2", "3", "4"]);
  assert.deepEqual(there.refused, []);
});

test("a filter that the dead letters do not have is refused", async () => {
  await assert.rejects(client.dlq.listMessages({ filter: { host: "example.com" } }), /host/);
});
