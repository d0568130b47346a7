// What the official JavaScript client must get from a running demo, and be able to change in it.
//
// Started by scripts/test_peers.py with the package installed; reads the same environment as the
// checks in Python. The client takes tokens with `hf_` before them alone.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as hub from "@huggingface/hub";
import { run } from "./checks.mjs";

const { HF_ENDPOINT: hubUrl, MODEL, OPEN_MODEL, PUBLISHER } = process.env;
const SHARD = "model-00001-of-00002.safetensors";
const approved = { hubUrl, accessToken: `hf_${process.env.APPROVED}` };
const newcomer = { hubUrl, accessToken: `hf_${process.env.NEWCOMER}` };
const publisher = { hubUrl, accessToken: `hf_${process.env.TOKEN}` };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const bytesOf = async (blob) => Buffer.from(await blob.arrayBuffer());

async function all(generator) {
  const items = [];
  for await (const item of generator) items.push(item);
  return items;
}

async function refused(status, act) {
  await assert.rejects(act, (error) => error.statusCode === status || assert.fail(error.message));
}

async function made(options = {}) {
  const name = `${PUBLISHER}/js-${randomBytes(4).toString("hex")}`;
  await hub.createRepo({ ...publisher, repo: name, ...options });
  return name;
}

// The files of the demo's model, without those that the portal puts beside what was brought.
async function wholeModel() {
  const portals = [".gitattributes", "NOTICE", "SHA256SUMS", "model.sig"];
  const files = await all(hub.listFiles({ ...approved, repo: MODEL, recursive: true }));
  const paths = files.filter((file) => file.type === "file").map((file) => file.path);
  return Promise.all(paths.filter((path) => !portals.includes(path)).map(async (path) => ({
    path,
    content: await hub.downloadFile({ ...approved, repo: MODEL, path }),
  })));
}

const checks = {
  async "who am I"() {
    const me = await hub.whoAmI(approved);
    assert.ok(me.name);
    assert.equal(me.auth.accessToken.role, "read");
  },

  async "models are listed, filtered and sorted"() {
    const fields = ["author", "cardData", "config", "createdAt", "disabled", "downloadsAllTime"];
    fields.push("gitalyUid", "library_name", "model-index", "safetensors", "sha", "spaces", "tags");
    fields.push("transformersInfo", "inferenceProviderMapping", "filePaths");
    const models = await all(hub.listModels({ ...approved, additionalFields: fields }));
    const model = models.find((each) => each.name === MODEL);
    assert.ok(model.id);
    assert.equal(typeof model.downloads, "number");
    assert.equal(model.likes, 0);
    assert.ok(model.safetensors.total > 0);
    assert.ok(model.filePaths.includes(SHARD));
    const [owner] = MODEL.split("/");
    const search = { owner, task: "text-generation", tags: ["safetensors"] };
    const sorts = ["createdAt", "downloads", "likes", "lastModified", "likes30d", "trendingScore"];
    for (const sort of [...sorts, "num_parameters", "mainSize", "id"]) {
      const found = await all(hub.listModels({ ...approved, search, sort }));
      assert.ok(found.some((each) => each.name === MODEL), sort);
    }
  },

  async "one model is told of"() {
    const fields = ["sha", "tags", "cardData"];
    const model = await hub.modelInfo({ ...approved, name: MODEL, additionalFields: fields });
    assert.equal(model.gated, "manual");
    assert.equal(model.task, "text-generation");
    assert.equal(model.sha.length, 40);
    await hub.checkRepoAccess({ ...approved, repo: MODEL });
    assert.equal(await hub.repoExists({ hubUrl, repo: MODEL }), true);
    assert.equal(await hub.repoExists({ hubUrl, repo: "nobody/nothing" }), false);
  },

  async "files are listed, found and described"() {
    const files = await all(hub.listFiles({ ...approved, repo: MODEL, recursive: true, expand: true }));
    assert.ok(files.find((file) => file.path === SHARD).lfs.oid);
    assert.ok(files.every((file) => file.lastCommit.id));
    const infos = await hub.pathsInfo({ ...approved, repo: MODEL, paths: [SHARD, "nothing"], expand: true });
    assert.deepEqual(infos.map((info) => info.path), [SHARD]);
    assert.ok(infos[0].lastCommit.date instanceof Date);
    for (const [path, there] of [[SHARD, true], ["config.json", true], ["nothing", false]]) {
      assert.equal(await hub.fileExists({ ...approved, repo: MODEL, path }), there, path);
    }
  },

  async "commits are listed and counted"() {
    const commits = await all(hub.listCommits({ ...approved, repo: MODEL, batchSize: 1 }));
    assert.equal(await hub.countCommits({ ...approved, repo: MODEL }), commits.length);
  },

  async "files come whole"() {
    const sums = await bytesOf(await hub.downloadFile({ ...approved, repo: MODEL, path: "SHA256SUMS" }));
    for (const line of sums.toString().trim().split("\n")) {
      const [digest, path] = line.split("  ");
      const content = await bytesOf(await hub.downloadFile({ ...approved, repo: MODEL, path }));
      assert.equal(sha256(content), digest, path);
      const info = await hub.fileDownloadInfo({ ...approved, repo: MODEL, path });
      assert.equal(info.size, content.length, path);
    }
    const raw = await hub.downloadFile({ ...approved, repo: MODEL, path: "config.json", raw: true });
    assert.ok(JSON.parse(await raw.text()).model_type);
    const absent = await hub.fileDownloadInfo({ ...approved, repo: MODEL, path: "nothing" });
    assert.equal(absent, null);
  },

  async "a snapshot is whole"() {
    const cacheDir = mkdtempSync(join(tmpdir(), "js-hub-"));
    const folder = await hub.snapshotDownload({ ...approved, repo: MODEL, cacheDir });
    const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
    for (const line of sums.trim().split("\n")) {
      const [digest, path] = line.split("  ");
      assert.equal(sha256(await readFile(join(folder, path))), digest, path);
    }
  },

  async "the headers of safetensors are read"() {
    const options = { ...approved, repo: MODEL, computeParametersCount: true };
    const parsed = await hub.parseSafetensorsMetadata(options);
    const counts = Object.values(parsed.parameterCount);
    const model = await hub.modelInfo({ ...approved, name: MODEL, additionalFields: ["safetensors"] });
    assert.equal(counts.reduce((sum, count) => sum + count, 0), model.safetensors.total);
  },

  async "the gate holds, and the open model needs no token"() {
    await refused(403, () => hub.downloadFile({ ...newcomer, repo: MODEL, path: SHARD }));
    await assert.rejects(() => hub.fileExists({ ...newcomer, repo: MODEL, path: SHARD }));
    await refused(401, () => hub.downloadFile({ hubUrl, repo: MODEL, path: SHARD }));
    assert.ok(await hub.downloadFile({ hubUrl, repo: OPEN_MODEL, path: "config.json" }));
  },

  async "files go up, small and large"() {
    const repo = await made();
    const large = randomBytes(3_000_000);
    await hub.uploadFile({ ...publisher, repo, file: { path: "a/notes.txt", content: new Blob(["notes"]) } });
    const files = [
      { path: "m.safetensors", content: new Blob([large]) },
      { path: "empty.txt", content: new Blob([]) },
    ];
    await hub.uploadFiles({ ...publisher, repo, files });
    for await (const event of hub.uploadFilesWithProgress({
      ...publisher,
      repo,
      files: [{ path: "more.txt", content: new Blob(["more"]) }],
    })) assert.ok(event.event);
    const got = await hub.downloadFile({ ...publisher, repo, path: "m.safetensors" });
    assert.equal(sha256(await bytesOf(got)), sha256(large));
    const info = await hub.modelInfo({ ...publisher, name: repo });
    assert.equal(info.private, true);
    await hub.deleteRepo({ ...publisher, repo });
  },

  async "a model in pieces is its publisher's until it is whole and agreed to"() {
    const repo = await made({ visibility: "public" });
    const files = await wholeModel();
    const pathsFor = async (who) =>
      (await all(hub.listFiles({ ...who, repo, recursive: true }))).map((file) => file.path);
    const last = files.find((file) => file.path.includes("-00002-of-"));
    await hub.uploadFiles({ ...publisher, repo, files: files.filter((file) => file !== last) });
    assert.ok((await pathsFor(publisher)).includes(SHARD));
    assert.deepEqual(await pathsFor(newcomer), [".gitattributes"]);
    await hub.uploadFile({ ...publisher, repo, file: last });
    assert.deepEqual(await pathsFor(newcomer), [".gitattributes"]);
    await fetch(`${hubUrl}/api/v1/models/${repo}/revisions/main/check/`, {
      method: "POST",
      headers: { Authorization: `Bearer ${process.env.TOKEN}`, "Content-Type": "application/json" },
      body: JSON.stringify({ licensor: true }),
    });
    for (const { path, content } of files) {
      const copy = await hub.downloadFile({ ...newcomer, repo, path });
      assert.ok(copy, `${path} is not there for others`);
      assert.equal(sha256(await bytesOf(copy)), sha256(await bytesOf(content)), path);
    }
    const { sha } = await hub.modelInfo({ ...publisher, name: repo, additionalFields: ["sha"] });
    const seen = await hub.modelInfo({ ...newcomer, name: repo, additionalFields: ["sha"] });
    assert.equal(seen.sha, sha);
    await hub.deleteRepo({ ...publisher, repo });
  },

  async "a commit adds, changes and deletes"() {
    const repo = await made();
    const add = (path, text) => ({ operation: "addOrUpdate", path, content: new Blob([text]) });
    const operations = [add("a.txt", "one"), add("b.txt", "two"), add("c/d.txt", "three")];
    const first = await hub.commit({ ...publisher, repo, title: "First", operations });
    await hub.commit({
      ...publisher,
      repo,
      title: "Second",
      parentCommit: first.commit.oid,
      operations: [add("a.txt", "four"), { operation: "delete", path: "b.txt" }],
    });
    await refused(412, () => hub.commit({
      ...publisher,
      repo,
      title: "Late",
      parentCommit: first.commit.oid,
      operations: [add("a.txt", "five")],
    }));
    await hub.deleteFile({ ...publisher, repo, path: "c/d.txt" });
    await hub.uploadFile({ ...publisher, repo, file: { path: "e.txt", content: new Blob(["e"]) } });
    await hub.deleteFiles({ ...publisher, repo, paths: ["e.txt"] });
    const own = [".gitattributes", "SHA256SUMS", "model.sig"];
    const left = (await all(hub.listFiles({ ...publisher, repo }))).map((file) => file.path);
    assert.deepEqual(left.filter((path) => !own.includes(path)), ["a.txt"]);
    await hub.deleteRepo({ ...publisher, repo });
  },

  async "branches come and go"() {
    const repo = await made();
    await hub.createBranch({ ...publisher, repo, branch: "feature/one" });
    const file = { path: "x.txt", content: new Blob(["x"]) };
    await hub.uploadFile({ ...publisher, repo, branch: "feature/one", file });
    const at = { ...publisher, repo, path: "x.txt" };
    assert.equal(await hub.fileExists({ ...at, revision: "feature/one" }), true);
    assert.equal(await hub.fileExists(at), false);
    await hub.deleteBranch({ ...publisher, repo, branch: "feature/one" });
    await hub.deleteRepo({ ...publisher, repo });
    assert.equal(await hub.repoExists({ ...publisher, repo }), false);
  },

  async "a stranger changes nothing"() {
    const repo = await made();
    const file = { path: "x.txt", content: new Blob(["x"]) };
    await refused(404, () => hub.uploadFile({ ...newcomer, repo, file }));
    await hub.deleteRepo({ ...publisher, repo });
  },
};

await run("@huggingface/hub, reading and writing", checks);
