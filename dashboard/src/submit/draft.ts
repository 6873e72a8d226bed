// The job being prepared. Kept while the user visits other pages, for instance to choose photos.
import type { JobType, Model, Rule, Submission } from "../domain/types";
import { createPersisted } from "../state/store";

export interface Draft {
  type: JobType;
  labels: string[];
  model: string; // empty: the default of the type
  topK: number;
  threshold: number;
}

export const initialDraft: Draft = {
  type: "image_classification",
  labels: [],
  model: "",
  topK: 5,
  threshold: 0.5,
};

export const draft = createPersisted<Draft>("classifier.draft", initialDraft, (stored) => {
  const { type, labels, topK, threshold } = (stored ?? {}) as Partial<Draft>;
  return {
    ...initialDraft,
    type: type === "custom_classification" ? type : "image_classification",
    labels: Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [],
    topK:
      typeof topK === "number" && topK >= 1 && topK <= 10 ? Math.round(topK) : initialDraft.topK,
    threshold:
      typeof threshold === "number" && threshold >= 0 && threshold <= 1
        ? threshold
        : initialDraft.threshold,
  };
});

export const changeDraft = (change: Partial<Draft>): void =>
  draft.set((now) => ({ ...now, ...change }));

// The model that will run; undefined where none is installed for the type, or the chosen one is gone.
export const modelFor = (models: readonly Model[], { type, model }: Draft): Model | undefined => {
  const fitting = models.filter((entry) => entry.job_type === type && !entry.error);
  return model
    ? fitting.find(({ name }) => name === model)
    : (fitting.find((entry) => entry.default) ?? fitting[0]);
};

// Why the job cannot start yet; empty when it can. `listed`: the list of its photos is complete.
export function whatIsMissing(
  draft: Draft,
  images: number,
  listed: boolean,
  model: Model | undefined,
): string {
  if (!listed) return "The list of photos is still loading.";
  if (images === 0) return "Choose at least one photo.";
  if (!model) return "No model is installed for this kind of job.";
  if (draft.type === "custom_classification" && draft.labels.length === 0) {
    return "Name at least one category.";
  }
  return "";
}

export const toSubmission = (
  draft: Draft,
  photos: { keys: Iterable<string> } | { rule: Rule },
): Submission => ({
  job_type: draft.type,
  ...("rule" in photos ? { images: photos.rule } : { s3_keys: [...photos.keys] }),
  ...(draft.type === "custom_classification" ? { custom_labels: draft.labels } : {}),
  ...(draft.model ? { model: draft.model } : {}),
  top_k: topKOf(draft),
  confidence_threshold: draft.threshold,
});

// There cannot be more predictions than categories.
export const topKOf = (draft: Draft): number =>
  draft.type === "custom_classification" && draft.labels.length > 0
    ? Math.min(draft.topK, draft.labels.length)
    : draft.topK;
