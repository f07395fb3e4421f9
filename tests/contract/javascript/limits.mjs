import assert from "node:assert/strict";
import { test } from "node:test";
import { QstashDailyRatelimitError, QstashRatelimitError } from "@upstash/qstash";
import { client, until } from "./kit.mjs";

test("more requests than a second has room for are refused as a burst", async () => {
  // Many times as many as there may be, so that the end of a second in between does not matter.
  const asked = await Promise.allSettled(Array.from({ length: 100 }, () => client.urlGroups.list()));
  const refused = asked.filter((one) => one.status === "rejected").map((one) => one.reason);
  assert.ok(refused.length > 0);
  for (const error of refused) {
    assert.ok(error instanceof QstashRatelimitError, `${error}`);
    assert.equal(error.limit, "10");
    assert.equal(error.remaining, "0");
    assert.ok(Number(error.reset) <= Date.now() / 1000 + 2);
  }
  await until(() => client.urlGroups.list().catch(() => null));
});

test("more messages than a day has room for are refused as the day's", async () => {
  const url = "http://127.0.0.1:9/nobody";
  await client.publish({ url, delay: "1h" });
  await client.publish({ url, delay: "1h" });
  await assert.rejects(client.publish({ url }), (error) => {
    assert.ok(error instanceof QstashDailyRatelimitError, `${error}`);
    assert.equal(error.limit, "2");
    assert.equal(error.remaining, "0");
    assert.equal(Number(error.reset) % 86_400, 0);
    return true;
  });
});
