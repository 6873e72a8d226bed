import { expect, test } from "vitest";
import type { Model } from "../domain/types";
import { initialDraft, modelFor, topKOf, toSubmission, whatIsMissing } from "./draft";

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

test("says what is missing", () => {
  expect(whatIsMissing(initialDraft, 0, true, model("a"))).toMatch(/photo/);
  expect(whatIsMissing(initialDraft, 1, true, undefined)).toMatch(/model/);
  expect(whatIsMissing(custom, 1, true, model("a"))).toMatch(/category/);
  expect(whatIsMissing({ ...custom, labels: ["cat"] }, 1, true, model("a"))).toBe("");
  expect(whatIsMissing(initialDraft, 1000, false, model("a"))).toMatch(/list .* still loading/);
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
