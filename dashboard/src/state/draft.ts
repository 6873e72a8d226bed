// The job being prepared. Kept while the user visits other pages, for instance to choose photos.
import type { JobDetails, JobType, Model, Rule, Submission } from "../domain/types";
import { parseLabels, tidyLabels } from "./labelSets";
import { createPersisted } from "./store";

export interface Draft {
  type: JobType;
  name: string; // of the job; may be empty
  labels: string[];
  typed: string; // in the field for a category, not added yet
  model: string; // empty: the default of the type
  topK: number;
  threshold: number;
  chosen: number; // photos chosen for it when it was last looked at; 0 for all
}

export const initialDraft: Draft = {
  type: "image_classification",
  name: "",
  labels: [],
  typed: "",
  model: "",
  topK: 5,
  threshold: 0.5,
  chosen: 0,
};

const textOf = (stored: unknown): string => (typeof stored === "string" ? stored : "");

export const readDraft = (stored: unknown): Draft => {
  const { type, name, labels, typed, topK, threshold, chosen } = (stored ?? {}) as Partial<Draft>;
  return {
    ...initialDraft,
    type: type === "custom_classification" ? type : "image_classification",
    name: textOf(name),
    labels: Array.isArray(labels) ? labels.filter((label) => typeof label === "string") : [],
    typed: textOf(typed),
    topK:
      typeof topK === "number" && topK >= 1 && topK <= 10 ? Math.round(topK) : initialDraft.topK,
    threshold:
      typeof threshold === "number" && threshold >= 0 && threshold <= 1
        ? threshold
        : initialDraft.threshold,
    chosen: typeof chosen === "number" && chosen > 0 ? chosen : 0,
  };
};

// Photos are chosen in one tab, and its draft is that of all.
const ofThisTab = (stored: Draft): Draft =>
  sessionStorage.getItem("classifier.selection") === null ? { ...stored, chosen: 0 } : stored;

export const draft = createPersisted<Draft>("classifier.draft", initialDraft, (stored) =>
  ofThisTab(readDraft(stored)),
);

export const changeDraft = (change: Partial<Draft>): void =>
  draft.set((now) => ({ ...now, ...change }));

// The categories of the job: also the one that was typed without Enter.
export const labelsOf = ({ labels, typed }: Pick<Draft, "labels" | "typed">): string[] =>
  typed.trim() === "" ? labels : tidyLabels([...labels, ...parseLabels(typed).labels]).labels;

// The same job again, about labels that the user names. `chosen`: photos that are selected for it.
export function draftLike(job: JobDetails, chosen: number): Draft {
  const isCustom = job.job_type === "custom_classification";
  const { labels, topK, threshold } = readDraft({
    labels: job.custom_labels,
    // Where there were fewer categories than predictions wanted, the server has the number of categories.
    topK: job.top_k === job.custom_labels?.length ? initialDraft.topK : job.top_k,
    threshold: job.confidence_threshold,
  });
  return {
    ...initialDraft,
    type: "custom_classification",
    labels,
    model: isCustom ? job.model : "",
    topK,
    threshold,
    chosen,
  };
}

export const takeTyped = (): void => changeDraft({ labels: labelsOf(draft.get()), typed: "" });

// The model that will run; undefined where none is installed for the type, or the chosen one is gone.
export const modelFor = (models: readonly Model[], { type, model }: Draft): Model | undefined => {
  const fitting = models.filter((entry) => entry.job_type === type && !entry.error);
  return model
    ? fitting.find(({ name }) => name === model)
    : (fitting.find((entry) => entry.default) ?? fitting[0]);
};

// The photos of the job, as far as they decide whether it can start.
interface Chosen {
  count: number;
  listed: boolean; // the count is final
  missing: readonly string[]; // chosen, but no longer stored
  lost: boolean; // the photos that were chosen are no longer selected
}

// Why the job cannot start yet; empty when it can.
export function whatIsMissing(
  draft: Draft,
  { count, listed, missing, lost }: Chosen,
  model: Model | undefined,
): string {
  if (!listed) return "The list of photos is still loading.";
  if (lost || count === 0 || missing.length === count) return "Choose at least one photo.";
  if (missing.length > 0) return "Leave out the photos that are no longer stored.";
  if (!model) return "No model is installed for this kind of job.";
  if (draft.type === "custom_classification" && labelsOf(draft).length === 0) {
    return "Name at least one category.";
  }
  return "";
}

// One line, as the server wants it.
const nameOf = ({ name }: Draft): string => name.replace(/\p{Cc}+/gu, " ").trim();

export const toSubmission = (
  draft: Draft,
  photos: { keys: Iterable<string> } | { rule: Rule },
): Submission => ({
  job_type: draft.type,
  ...(nameOf(draft) ? { name: nameOf(draft) } : {}),
  ...("rule" in photos ? { images: photos.rule } : { s3_keys: [...photos.keys] }),
  ...(draft.type === "custom_classification" ? { custom_labels: labelsOf(draft) } : {}),
  ...(draft.model ? { model: draft.model } : {}),
  top_k: topKOf(draft),
  confidence_threshold: draft.threshold,
});

// There cannot be more predictions than categories.
export function topKOf(draft: Draft): number {
  const labels = draft.type === "custom_classification" ? labelsOf(draft).length : 0;
  return labels > 0 ? Math.min(draft.topK, labels) : draft.topK;
}
