import { expect, test } from "vitest";
import type { JobDetails, Model } from "../domain/types";
import {
  draftLike,
  initialDraft,
  labelsOf,
  modelFor,
  readDraft,
  topKOf,
  toSubmission,
  whatIsMissing,
} from "./draft";

const model = (name: string, extra: Partial<Model> = {}): Model => ({
  name,
  job_type: "image_classification",
  description: "",
  starter: false,
  default: false,
  num_labels: 1000,
  ...extra,
});
const custom = { ...initialDraft, type: "custom_classification" as const };

test("the default model runs, unless another is chosen; never a broken one", () => {
  const models = [
    model("broken", { error: "no file", default: true }),
    model("a"),
    model("b", { default: true }),
  ];
  expect(modelFor(models, initialDraft)?.name).toBe("b");
  expect(modelFor(models, { ...initialDraft, model: "a" })?.name).toBe("a");
  expect(modelFor(models, { ...initialDraft, model: "broken" })).toBeUndefined();
  expect(modelFor(models, custom)).toBeUndefined();
});

const photos = (count: number, missing: string[] = []) => ({
  count,
  listed: true,
  missing,
  lost: false,
});

test("says what is missing", () => {
  expect(whatIsMissing(initialDraft, photos(0), model("a"))).toMatch(/photo/);
  expect(whatIsMissing(initialDraft, photos(1), undefined)).toMatch(/model/);
  expect(whatIsMissing(custom, photos(1), model("a"))).toMatch(/category/);
  expect(whatIsMissing({ ...custom, labels: ["cat"] }, photos(1), model("a"))).toBe("");
  const listing = { ...photos(1_000), listed: false };
  expect(whatIsMissing(initialDraft, listing, model("a"))).toMatch(/list .* still loading/);
});

test("a job whose photos are gone does not start", () => {
  expect(whatIsMissing(initialDraft, photos(3, ["a", "b", "c"]), model("a"))).toMatch(/^Choose/);
  expect(whatIsMissing(initialDraft, photos(3, ["a"]), model("a"))).toMatch(/no longer stored/);
  const lost = { ...photos(1_008), lost: true };
  expect(whatIsMissing({ ...initialDraft, chosen: 3 }, lost, model("a"))).toMatch(/^Choose/);
});

test("a category that was typed without Enter is taken, and survives a reload", () => {
  const typing = { ...custom, typed: " dog, Cat" };
  expect(labelsOf({ ...typing, labels: ["cat"] })).toEqual(["cat", "dog"]);
  expect(whatIsMissing(typing, photos(1), model("a"))).toBe("");
  expect(toSubmission(typing, { keys: ["k"] })).toMatchObject({
    custom_labels: ["dog", "Cat"],
    top_k: 2,
  });
  expect(readDraft(JSON.parse(JSON.stringify(typing)))).toEqual(typing);
  expect(readDraft({ labels: ["cat"], topK: 99 })).toEqual({ ...initialDraft, labels: ["cat"] });
});

test("the name is one line, and sent only where there is one", () => {
  expect(toSubmission(initialDraft, { keys: [] })).not.toHaveProperty("name");
  expect(toSubmission({ ...initialDraft, name: " \t" }, { keys: [] })).not.toHaveProperty("name");
  expect(toSubmission({ ...initialDraft, name: " Trip\nto Rome " }, { keys: [] }).name).toBe(
    "Trip to Rome",
  );
});

test("asks for no more predictions than there are categories", () => {
  expect(topKOf({ ...custom, labels: ["cat", "dog"] })).toBe(2);
  expect(topKOf(initialDraft)).toBe(5);
});

test("labels are sent only with jobs that use them", () => {
  const labels = ["cat", "dog"];
  const photos = { keys: ["k"] };
  expect(toSubmission({ ...initialDraft, labels }, photos)).not.toHaveProperty("custom_labels");
  expect(toSubmission({ ...custom, labels }, photos)).toMatchObject({
    custom_labels: labels,
    top_k: 2,
  });
});

test("photos are named by keys, or by a rule in their place", () => {
  expect(toSubmission(initialDraft, { keys: new Set(["k"]) })).toMatchObject({ s3_keys: ["k"] });
  const byRule = toSubmission(initialDraft, { rule: { q: "cat" } });
  expect(byRule).toMatchObject({ images: { q: "cat" } });
  expect(byRule).not.toHaveProperty("s3_keys");
});

test("a job is asked again with its labels and settings, and without its name", () => {
  const job: JobDetails = {
    job_id: "1",
    status: "completed",
    total: 3,
    done: 3,
    failed: 0,
    created_at: "",
    updated_at: "",
    name: "First",
    job_type: "custom_classification",
    model: "m",
    top_k: 3,
    confidence_threshold: 0.3,
    custom_labels: ["cat", "dog", "owl", "fox"],
  };
  const again = { ...custom, labels: job.custom_labels, model: "m", topK: 3, threshold: 0.3 };
  expect(draftLike(job, 3)).toEqual({ ...again, chosen: 3 });
  expect(draftLike({ ...job, top_k: 4 }, 3).topK).toBe(5);
  // The model of the standard labels cannot look for others.
  const standard: JobDetails = { ...job, job_type: "image_classification" };
  delete standard.custom_labels;
  expect(draftLike(standard, 3)).toEqual({ ...again, labels: [], model: "", chosen: 3 });
});
