import assert from "node:assert/strict";
import { test } from "node:test";
import { client, destination, until } from "./kit.mjs";

test("messages of a queue arrive in their order, and its lag tells how many wait", async () => {
  const there = await destination();
  const queue = client.queue({ queueName: "js-order" });
  await queue.upsert({ paused: true });
  for (let n = 0; n < 5; n++) {
    await queue.enqueueJSON({ url: there.url, body: { n } });
  }
  assert.equal((await queue.get()).lag, 5);
  assert.equal(there.heard.length, 0);
  await queue.resume();
  const heard = await there.hears(5);
  assert.deepEqual(heard.map((one) => JSON.parse(one.body).n), [0, 1, 2, 3, 4]);
  await until(async () => (await queue.get()).lag === 0);
  assert.deepEqual(there.refused, []);
});

test("messages of a queue are found and cancelled by its name", async () => {
  const there = await destination();
  const queue = client.queue({ queueName: "js-filter" });
  await queue.upsert({ paused: true });
  const { messageId } = await queue.enqueue({ url: there.url, body: "x" });
  assert.equal((await client.messages.get(messageId)).queueName, "js-filter");
  const { logs } = await client.logs({ filter: { queueName: "js-filter" } });
  assert.deepEqual(logs.map((one) => one.messageId), [messageId]);
  const filter = { queueName: "js-filter" };
  assert.deepEqual(await client.messages.cancel({ filter }), { cancelled: 1 });
});
