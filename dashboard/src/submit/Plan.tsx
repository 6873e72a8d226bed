import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Play, Terminal } from "lucide-react";
import { useSummary } from "../api/catalogue";
import { sentenceOf, submitJob } from "../api/client";
import { missingFrom } from "../api/missing";
import { submitCommand } from "../domain/command";
import { takenOf } from "../domain/taken";
import { asSentence, formatCount, plural, wholePercent } from "../domain/format";
import { clearSelection } from "../state/selection";
import { jobPath, navigate } from "../state/router";
import { backendAddress } from "../state/settings";
import { useStore } from "../state/store";
import { copy } from "../ui/browser";
import { Button } from "../ui/Button";
import { tell, tellProblem } from "../ui/toast";
import {
  changeDraft,
  draft,
  labelsOf,
  takeTyped,
  topKOf,
  toSubmission,
  whatIsMissing,
} from "../state/draft";
import { goneWords, type Photos } from "./photos";
import { useModel } from "./useModel";
import { usePhotos } from "./usePhotos";
import "./Plan.css";

function useStart(photos: Photos) {
  const client = useQueryClient();
  const summary = useSummary();
  const { keys, count, rule, all } = photos;
  // Photos may have been deleted while this page was open.
  const check = async () => {
    if (rule || all) return;
    const { data = null } = await summary.refetch();
    const missing = await client.query(missingFrom(client, data, keys)).catch(() => []);
    if (missing.length > 0) throw new Error(goneWords({ count, missing }));
  };
  return useMutation({
    mutationFn: async () => {
      await check();
      return submitJob(toSubmission(draft.get(), rule ? { rule } : { keys }));
    },
    onSuccess: ({ job_id, warnings = [] }) => {
      const state = draft.get();
      const labels = labelsOf(state);
      const known = client.getQueryData(["label warnings", state.model, labels]);
      if (!known && warnings.length > 0) {
        tell("The categories may mislead", warnings.map(asSentence).join(" "));
      }
      // Name and photos were of this job; the categories serve the next one too.
      takeTyped();
      changeDraft({ name: "", chosen: 0 });
      clearSelection();
      void client.invalidateQueries({ queryKey: ["jobs"] });
      navigate(jobPath(job_id));
    },
    onError: (error) => tellProblem("The job was not started", sentenceOf(error)),
  });
}

function PlanOf({ photos }: { photos: Photos }) {
  const state = useStore(draft);
  const { model } = useModel();
  const start = useStart(photos);
  const { keys, rule, all } = photos;
  const count = photos.lost ? 0 : photos.count - photos.missing.length;
  const missing = whatIsMissing(state, photos, model);
  const labels = state.type === "custom_classification" ? labelsOf(state) : [];
  const command = submitCommand({
    backend: backendAddress(),
    keys,
    all,
    folder: rule?.folder,
    q: rule?.q,
    batch: rule?.batch,
    labels,
    model: state.model,
    topK: topKOf(state),
    threshold: state.threshold,
  });
  return (
    <aside className="plan card" aria-label="What will run">
      <h2>What will run</h2>
      <dl className="facts">
        <dt>Photos</dt>
        <dd>{formatCount(count)}</dd>
        <dt>Sorted into</dt>
        <dd>
          {state.type === "custom_classification"
            ? plural(labels.length, "category", "categories")
            : "1,000 classes"}
        </dd>
        <dt>Model</dt>
        <dd title={model?.description}>{model ? model.name : "none"}</dd>
        <dt>Predictions per photo</dt>
        <dd>{formatCount(topKOf(state))}</dd>
        <dt>Confidence threshold</dt>
        <dd>{wholePercent(state.threshold)}</dd>
      </dl>
      <Button
        look="primary"
        icon={Play}
        className="wide"
        busy={start.isPending}
        disabled={missing !== ""}
        aria-describedby="plan-missing"
        onClick={() => start.mutate()}
      >
        Classify {plural(count, "photo")}
      </Button>
      <p id="plan-missing" className="hint" role="status">
        {missing}
      </p>
      <Button
        look="quiet"
        icon={Terminal}
        // The command line has no option for dates.
        disabled={missing !== "" || (rule !== null && takenOf(rule) !== "")}
        onClick={() => void copy(command, "Command")}
      >
        Copy as a command
      </Button>
    </aside>
  );
}

export function Plan() {
  const { photos } = usePhotos();
  return photos ? <PlanOf photos={photos} /> : null;
}
