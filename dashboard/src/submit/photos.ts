// The photos of the job being prepared, and the words about them.
import { asSentence, formatCount, plural } from "../domain/format";
import type { Rule } from "../domain/types";
import { filterView } from "../state/filterView";
import { filterOf, ruleWords } from "../state/selection";
import { pathOf } from "../state/view";

export interface Photos {
  count: number;
  first: readonly string[]; // keys, at least those of the strip
  keys: readonly string[]; // empty where there is a rule
  rule: Rule | null;
  all: boolean; // every stored photo
  listed: boolean; // the count is final
  missing: readonly string[]; // chosen, but no longer stored
  lost: boolean; // photos were chosen, but are no longer selected; the others do not take their place
}

export function titleOf({ count, rule, all, listed, missing, lost }: Photos): string {
  if (lost) return "No photos";
  if (all && !listed) return `All photos, ${plural(count, "photo")} listed so far`;
  if (rule) return asSentence(ruleWords(rule, count)).replace(/\.$/, "");
  if (missing.length > 0 && missing.length === count) return "No photos";
  return all ? `All ${plural(count, "photo")}` : plural(count, "photo");
}

// What to say of chosen photos that are gone; empty where all are there.
export function goneWords({ count, missing }: Pick<Photos, "count" | "missing">): string {
  if (missing.length === 0) return "";
  if (missing.length < count) {
    const are = missing.length === 1 ? "is" : "are";
    return `${formatCount(missing.length)} of the ${plural(count, "photo")} ${are} no longer stored.`;
  }
  const which =
    count === 1 ? "The photo of this job is" : `The ${plural(count, "photo")} of this job are`;
  return `${which} no longer stored. Choose photos.`;
}

export function lostWords(chosen: number): string {
  const which =
    chosen === 1 ? "The photo of this job is" : `The ${plural(chosen, "photo")} of this job are`;
  return `${which} no longer selected. Choose photos.`;
}

// The gallery with what the rule admits.
export const galleryPath = (rule: Rule | null): string =>
  pathOf("/", filterView, filterOf(rule ?? {}));
