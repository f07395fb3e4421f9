"""A QStash for your own machine: durable, open, reached through the official SDKs.

It copies what the SDKs can see (paths, headers, JSON, signatures, retries) and leaves out what
only a cloud has (plans, regions, billing). It imports nothing of the rest of this product.

Read in this order. The rules, which are pure: `message` (a message's life), `headers` (what a
publisher may ask), `expression` and `retry` (when to try again), `outcome` (what an answer means),
`settlement` (what is written then), `callbacks`, `signing`, `flow`. The machinery: `tables`,
`writer` (one thread, shared commits), `store` and the statements it names, `client` (HTTP),
`window` and `delivery` (the engine), `broker` (what the API can ask), `api` (the routes), `app`
(all of it put together). For people who look at it: `lookout` with `overview`, `browsing` and
`stories`.
"""
