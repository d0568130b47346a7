// What OpenAI's JavaScript client, unmodified, must get from a running demo.
//
// Started by scripts/test_peers.py with the package installed; reads the same environment as the
// checks in Python.

import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { run } from "./checks.mjs";

const { HF_ENDPOINT, MODEL, APPROVED, NEWCOMER } = process.env;
const baseURL = `${HF_ENDPOINT}/v1`;
const client = new OpenAI({ baseURL, apiKey: APPROVED });
const PROMPT = { model: MODEL, prompt: "Deep learning is", max_tokens: 6, temperature: 0 };

async function pagesOf(list) {
  const items = [];
  for await (const item of list) items.push(item);
  return items;
}

async function ended(batch) {
  while (!["completed", "failed", "cancelled", "expired"].includes(batch.status)) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    batch = await client.batches.retrieve(batch.id);
  }
  return batch;
}

async function batchOf(...prompts) {
  const lines = prompts.map((body, at) =>
    JSON.stringify({ custom_id: `line-${at}`, method: "POST", url: "/v1/completions", body }),
  );
  const file = await toFile(Buffer.from(lines.join("\n")), "lines.jsonl");
  const { id } = await client.files.create({ purpose: "batch", file });
  return client.batches.create({ input_file_id: id, endpoint: "/v1/completions", completion_window: "24h" });
}

const checks = {
  async "models are listed and told of"() {
    const models = await pagesOf(client.models.list());
    assert.ok(models.some((model) => model.id === MODEL));
    assert.equal((await client.models.retrieve(MODEL)).object, "model");
  },

  async "a completion comes with its log-probabilities"() {
    const { choices, usage } = await client.completions.create({ ...PROMPT, logprobs: 2, echo: true });
    assert.ok(choices[0].text.startsWith(PROMPT.prompt));
    assert.equal(choices[0].logprobs.tokens.length, usage.total_tokens);
    assert.equal(choices[0].logprobs.token_logprobs[0], null);
  },

  async "a stream is the same text, and ends with its usage"() {
    const whole = await client.completions.create(PROMPT);
    const options = { ...PROMPT, stream: true, stream_options: { include_usage: true } };
    const parts = await pagesOf(await client.completions.create(options));
    const text = parts.map((part) => part.choices[0]?.text ?? "").join("");
    assert.equal(text, whole.choices[0].text);
    assert.equal(parts.at(-1).usage.total_tokens, whole.usage.total_tokens);
  },

  async "a stream can be left, and the next request is answered"() {
    const stream = await client.completions.create({ ...PROMPT, max_tokens: 200, stream: true });
    for await (const part of stream) {
      assert.ok(part.id);
      break;
    }
    assert.ok((await client.completions.create(PROMPT)).choices[0].text);
  },

  async "headers tell the request and the quota"() {
    const { data, response, request_id } = await client.completions.create(PROMPT).withResponse();
    assert.ok(data.id && request_id);
    assert.ok(Number(response.headers.get("x-ratelimit-remaining-tokens")) >= 0);
  },

  async "a file is kept, read and deleted"() {
    const content = `${JSON.stringify({ custom_id: "a", method: "POST", url: "/v1/completions", body: PROMPT })}\n`;
    const file = await client.files.create({ purpose: "batch", file: await toFile(Buffer.from(content), "a.jsonl") });
    assert.equal(await (await client.files.content(file.id)).text(), content);
    assert.ok((await pagesOf(client.files.list())).some((one) => one.id === file.id));
    assert.equal((await client.files.delete(file.id)).deleted, true);
    await assert.rejects(() => client.files.retrieve(file.id), OpenAI.NotFoundError);
  },

  async "a batch answers its lines"() {
    const batch = await ended(await batchOf(PROMPT, { ...PROMPT, n: 2 }));
    assert.equal(batch.status, "completed");
    assert.deepEqual(batch.request_counts, { total: 2, completed: 2, failed: 0 });
    assert.ok(batch.usage.output_tokens > 0);
    const answers = (await (await client.files.content(batch.output_file_id)).text()).trim().split("\n");
    assert.deepEqual(answers.map((line) => JSON.parse(line).custom_id).sort(), ["line-0", "line-1"]);
    assert.ok((await pagesOf(client.batches.list())).some((one) => one.id === batch.id));
  },

  async "a batch with a wrong line says which, and does nothing"() {
    const batch = await ended(await batchOf(PROMPT, { ...PROMPT, temperature: 9 }));
    assert.equal(batch.status, "failed");
    assert.equal(batch.errors.data[0].line, 2);
    assert.equal(batch.errors.data[0].param, "body.temperature");
  },

  async "refusals are the client's own errors"() {
    const never = { maxRetries: 0 };
    const nobody = new OpenAI({ baseURL, apiKey: "nothing", ...never });
    const newcomer = new OpenAI({ baseURL, apiKey: NEWCOMER, ...never });
    await assert.rejects(() => nobody.completions.create(PROMPT), OpenAI.AuthenticationError);
    await assert.rejects(() => newcomer.completions.create(PROMPT), OpenAI.PermissionDeniedError);
    const wrong = { ...PROMPT, temperature: 9 };
    await assert.rejects(() => client.completions.create(wrong), (error) => error.param === "temperature");
    const unknown = { ...PROMPT, model: "nobody/nothing" };
    await assert.rejects(() => client.completions.create(unknown), OpenAI.NotFoundError);
  },
};

await run("openai in JavaScript", checks);
