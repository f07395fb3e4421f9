import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, Receiver } from "@upstash/qstash";
import { client, destination, signingKeys } from "./kit.mjs";

test("a rotated key signs what is sent afterwards", async () => {
  const there = await destination();
  const before = await signingKeys();
  const after = await client.http.request({ method: "POST", path: ["v2", "keys", "rotate"] });
  assert.equal(after.current, before.next);
  await client.publish({ url: there.url, body: "x" });
  const [heard] = await there.hears(1);
  const receiver = new Receiver({ currentSigningKey: after.current, nextSigningKey: after.next });
  const signature = heard.headers["upstash-signature"];
  assert.equal(await receiver.verify({ signature, body: "x", url: there.url }), true);
  await assert.rejects(receiver.verify({ signature, body: "y", url: there.url }));
  // The receiver that knows the keys from before the rotation goes on.
  assert.deepEqual(there.refused, []);
});

test("a wrong token is refused", async () => {
  const stranger = new Client({ baseUrl: process.env.QSTASH_URL, token: "wrong", retry: false });
  await assert.rejects(stranger.publish({ url: "http://example.com" }), (error) => {
    assert.equal(error.status, 401);
    return true;
  });
});

test("a token that may only read is refused when it writes", async () => {
  const reader = new Client({
    baseUrl: process.env.QSTASH_URL,
    token: process.env.QSTASH_READ_ONLY_TOKEN,
    retry: false,
  });
  assert.ok(Array.isArray((await reader.logs()).logs));
  await assert.rejects(reader.publish({ url: "http://example.com" }), (error) => {
    assert.equal(error.status, 403);
    return true;
  });
});
