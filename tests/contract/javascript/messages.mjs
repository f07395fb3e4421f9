import assert from "node:assert/strict";
import { test } from "node:test";
import { client, destination, until } from "./kit.mjs";

test("a published message arrives signed, with what it was given", async () => {
  const there = await destination();
  const { messageId } = await client.publishJSON({
    url: `${there.url}/a?x=1`,
    body: { hello: "world" },
    headers: { "x-own": "yes" },
    method: "PUT",
  });
  const [heard] = await there.hears(1);
  assert.equal(heard.method, "PUT");
  assert.equal(heard.path, "/a?x=1");
  assert.deepEqual(JSON.parse(heard.body), { hello: "world" });
  assert.equal(heard.headers["content-type"], "application/json");
  assert.equal(heard.headers["x-own"], "yes");
  assert.equal(heard.headers["upstash-message-id"], messageId);
  assert.deepEqual(there.refused, []);
});

test("a message reads back as it was published", async () => {
  const there = await destination();
  const { messageId } = await client.publish({
    url: there.url,
    body: "text",
    delay: "10m",
    retries: 5,
    retryDelay: "1000 * (1 + retried)",
    timeout: 30,
    callback: `${there.url}/callback`,
    failureCallback: `${there.url}/failure`,
    label: ["one", "two"],
    flowControl: { key: "js-read", parallelism: 3, rate: 10, period: "1m" },
    headers: { "bypass-tunnel-reminder": "1" },
  });
  const message = await client.messages.get(messageId);
  assert.equal(message.url, there.url);
  assert.equal(message.body, "text");
  assert.equal(message.maxRetries, 5);
  assert.equal(message.retryDelayExpression, "1000 * (1 + retried)");
  assert.equal(message.callback, `${there.url}/callback`);
  assert.equal(message.failureCallback, `${there.url}/failure`);
  assert.equal(message.label, "one");
  assert.deepEqual(message.labels, ["one", "two"]);
  assert.equal(message.flowControlKey, "js-read");
  assert.deepEqual([message.parallelism, message.rate, message.period], [3, 10, 60]);
  assert.deepEqual(message.header["Bypass-Tunnel-Reminder"], ["1"]);
  assert.equal(message.notBefore - message.createdAt, 600_000);
});

test("a redacted body and header show as hashes, and are delivered as they are", async () => {
  const there = await destination();
  const { messageId } = await client.publish({
    url: there.url,
    body: "secret",
    headers: { "x-secret": "secret", "x-open": "open" },
    redact: { body: true, header: ["X-Secret"] },
  });
  const message = await client.messages.get(messageId);
  const hash = "REDACTED:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
  assert.equal(message.body, hash);
  assert.deepEqual(message.header["X-Secret"], [hash]);
  assert.deepEqual(message.header["X-Open"], ["open"]);
  const [heard] = await there.hears(1);
  assert.deepEqual([heard.body, heard.headers["x-secret"]], ["secret", "secret"]);
});

test("a batch answers in order, with a queue and a group in it", async () => {
  const there = await destination();
  await client.urlGroups.addEndpoints({
    name: "js-batch",
    endpoints: [{ url: `${there.url}/1` }, { url: `${there.url}/2` }],
  });
  const answers = await client.batchJSON([
    { url: `${there.url}/a`, body: { n: 1 } },
    { url: `${there.url}/b`, body: { n: 2 }, queueName: "js-batch" },
    { urlGroup: "js-batch", body: { n: 3 } },
  ]);
  assert.equal(answers.length, 3);
  assert.equal(answers[2].length, 2);
  const heard = await there.hears(4);
  assert.deepEqual(heard.map((one) => one.path).sort(), ["/1", "/2", "/a", "/b"]);
  await client.urlGroups.delete("js-batch");
});

test("a repeated deduplication id is told", async () => {
  const there = await destination();
  const request = { url: there.url, body: "x", deduplicationId: "js-dedup" };
  const first = await client.publish(request);
  const again = await client.publish(request);
  assert.equal(again.messageId, first.messageId);
  assert.equal(again.deduplicated, true);
});

test("equal contents are one message when asked", async () => {
  const there = await destination();
  const request = { url: there.url, body: "same", contentBasedDeduplication: true };
  const ids = [await client.publish(request), await client.publish(request)];
  assert.equal(ids[0].messageId, ids[1].messageId);
});

test("one message is cancelled, and then it is not there", async () => {
  const there = await destination();
  const { messageId } = await client.publish({ url: there.url, delay: 600 });
  assert.deepEqual(await client.messages.cancel(messageId), { cancelled: 1 });
  await assert.rejects(client.messages.get(messageId), /not found/);
  await assert.rejects(client.messages.cancel(messageId), /not found/);
});

test("messages are cancelled by ids, by each filter, and all of them", async () => {
  const there = await destination();
  await client.messages.cancel({ all: true });
  const host = new URL(there.url).host;
  const make = async (more = {}) =>
    await client.publish({ url: there.url, delay: 600, ...more });
  const ids = [await make(), await make(), await make()].map((one) => one.messageId);
  assert.deepEqual(await client.messages.cancel(ids.slice(0, 2)), { cancelled: 2 });
  assert.deepEqual(await client.messages.cancel({ messageIds: ids }), { cancelled: 1 });

  await client.urlGroups.addEndpoints({ name: "js-c", endpoints: [{ url: `${there.url}/g` }] });
  const cases = [
    [{ url: `${there.url}/u` }, { url: `${there.url}/u` }],
    [{ url: `${there.url}/p` }, { path: "/p", host }],
    [{ label: "js-l" }, { label: ["other", "js-l"] }],
    [{ flowControl: { key: "js-k", rate: 5 } }, { flowControlKey: "js-k" }],
    [{ url: undefined, urlGroup: "js-c" }, { urlGroup: "js-c" }],
  ];
  for (const [more, filter] of cases) {
    await make(more);
    await make({ url: `${there.url}/other` });
    assert.deepEqual(await client.messages.cancel({ filter }), { cancelled: 1 }, filter);
  }
  const from = Date.now() + 60_000;
  assert.deepEqual(await client.messages.cancel({ filter: { fromDate: from } }), { cancelled: 0 });
  const { cancelled } = await client.messages.cancel({ all: true });
  assert.equal(cancelled, cases.length);
  assert.deepEqual(await client.messages.cancel([]), { cancelled: 0 });
});

test("a callback tells how each attempt ended, a failure callback the end", async () => {
  const there = await destination({ status: 500, body: "no" }, { status: 200 });
  const { messageId } = await client.publish({
    url: `${there.url}/work`,
    body: "x",
    retries: 0,
    callback: `${there.url}/callback`,
    failureCallback: `${there.url}/failure`,
  });
  const heard = await there.hears(3);
  const told = Object.fromEntries(heard.slice(1).map((one) => [one.path, JSON.parse(one.body)]));
  assert.equal(told["/callback"].status, 500);
  assert.equal(told["/failure"].sourceMessageId, messageId);
  assert.equal(atob(told["/failure"].body), "no");
  assert.equal(told["/failure"].maxRetries, 0);
  assert.ok(told["/failure"].dlqId);
  assert.deepEqual(there.refused, []);
});

test("the log is picked by each filter and comes in pages", async () => {
  const there = await destination();
  const host = new URL(there.url).host;
  const { messageId } = await client.publish({ url: `${there.url}/log`, label: "js-log" });
  await until(async () => (await client.logs({ filter: { messageId } })).logs.length === 3);
  const { logs } = await client.logs({ filter: { messageId } });
  assert.deepEqual(logs.map((one) => one.state), ["DELIVERED", "ACTIVE", "CREATED"]);
  const filters = [
    { url: `${there.url}/log` },
    { host, path: "/log" },
    { label: "js-log" },
    { messageIds: [messageId] },
    { messageId, state: ["DELIVERED", "ACTIVE", "CREATED"] },
    { messageId, fromDate: Date.now() - 60_000, toDate: Date.now() + 60_000 },
  ];
  for (const filter of filters) {
    const found = await client.logs({ filter });
    assert.equal(found.logs.length, 3, JSON.stringify(filter));
    assert.equal(found.cursor, undefined);
  }
  const first = await client.logs({ filter: { messageId }, count: 2 });
  const second = await client.logs({ filter: { messageId }, count: 2, cursor: first.cursor });
  assert.deepEqual([first.logs.length, second.logs.length], [2, 1]);
  assert.equal(second.cursor, undefined);
  const events = await client.events({ filter: { messageId } });
  assert.equal(events.events.length, 3);
});
