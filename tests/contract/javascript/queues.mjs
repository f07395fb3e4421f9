import assert from "node:assert/strict";
import { test } from "node:test";
import { client, destination } from "./kit.mjs";

test("a queue is made, changed, paused, listed and deleted", async () => {
  const queue = client.queue({ queueName: "js-q" });
  await queue.upsert({ parallelism: 2 });
  const made = await queue.get();
  assert.deepEqual([made.name, made.parallelism, made.paused, made.lag], ["js-q", 2, false, 0]);
  assert.ok(made.createdAt <= made.updatedAt);
  await queue.pause();
  assert.equal((await queue.get()).paused, true);
  await queue.resume();
  assert.equal((await queue.get()).paused, false);
  await queue.upsert({ parallelism: 1, paused: true });
  assert.equal((await queue.get()).paused, true);
  assert.ok((await queue.list()).some((one) => one.name === "js-q"));
  await queue.delete();
  await assert.rejects(queue.get(), /not found/);
});

test("a flow-control key is shown, paused, pinned, unpinned and reset", async () => {
  const there = await destination();
  const key = "js-flow";
  await client.publish({
    url: there.url,
    delay: 600,
    flowControl: { key, parallelism: 4, rate: 7, period: 60 },
  });
  const made = await client.flowControl.get(key);
  assert.equal(made.flowControlKey, key);
  assert.deepEqual([made.parallelismMax, made.rateMax, made.ratePeriod], [4, 7, 60]);
  assert.deepEqual([made.isPaused, made.isPinnedParallelism, made.isPinnedRate], [false, false, false]);
  await client.flowControl.pause(key);
  assert.equal((await client.flowControl.get(key)).isPaused, true);
  await client.flowControl.resume(key);
  assert.equal((await client.flowControl.get(key)).isPaused, false);
  await client.flowControl.pin(key, { parallelism: 2, rate: 3, period: 5 });
  const pinned = await client.flowControl.get(key);
  assert.deepEqual([pinned.parallelismMax, pinned.rateMax, pinned.ratePeriod], [2, 3, 5]);
  assert.deepEqual([pinned.isPinnedParallelism, pinned.isPinnedRate], [true, true]);
  await client.flowControl.unpin(key, { parallelism: true });
  const half = await client.flowControl.get(key);
  assert.deepEqual([half.isPinnedParallelism, half.isPinnedRate], [false, true]);
  await client.flowControl.resetRate(key);
  assert.equal((await client.flowControl.get(key)).rateCount, 0);
  await assert.rejects(client.flowControl.get("js-none"), /not found/);
});

test("the limit of all attempts is told", async () => {
  const { parallelismMax, parallelismCount } = await client.flowControl.getGlobalParallelism();
  assert.ok(parallelismMax > 0 && parallelismCount >= 0);
});
