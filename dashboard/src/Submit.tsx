import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { getModels, submit, type JobType } from "./api";

interface Props {
  keys: string[];
  onSubmitted: (jobId: string) => void;
}

const splitLabels = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((label) => label.trim())
    .filter((label) => label !== "");

export function Submit({ keys, onSubmitted }: Props) {
  const queries = useQueryClient();
  const models = useQuery({ queryKey: ["models"], queryFn: getModels });
  const [type, setType] = useState<JobType>("image_classification");
  const [labels, setLabels] = useState("cat, dog, bird, food, person, vehicle, building");
  const [topK, setTopK] = useState(5);
  const [threshold, setThreshold] = useState(0.5);

  const send = useMutation({
    mutationFn: () =>
      submit({
        job_type: type,
        s3_keys: keys,
        top_k: topK,
        confidence_threshold: threshold,
        ...(type === "custom_classification" ? { custom_labels: splitLabels(labels) } : {}),
      }),
    onSuccess: async (job) => {
      await queries.invalidateQueries({ queryKey: ["jobs"] });
      onSubmitted(job.job_id);
    },
  });

  const model = models.data?.find((candidate) => candidate.job_type === type && candidate.default);
  return (
    <section aria-labelledby="submit-title">
      <h2 id="submit-title">2. Classify</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <fieldset>
          <legend>Into</legend>
          <label>
            <input
              type="radio"
              name="type"
              checked={type === "image_classification"}
              onChange={() => setType("image_classification")}
            />
            the 1,000 ImageNet classes
          </label>
          <label>
            <input
              type="radio"
              name="type"
              checked={type === "custom_classification"}
              onChange={() => setType("custom_classification")}
            />
            my own categories
          </label>
        </fieldset>
        {type === "custom_classification" && (
          <label className="wide">
            Categories, separated by commas or lines
            <textarea value={labels} rows={2} onChange={(event) => setLabels(event.target.value)} />
          </label>
        )}
        <label>
          Predictions for each photo
          <input
            type="number"
            min={1}
            max={10}
            value={topK}
            onChange={(event) => setTopK(event.target.valueAsNumber)}
          />
        </label>
        <label>
          Confidence threshold: {threshold.toFixed(2)}
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={threshold}
            onChange={(event) => setThreshold(event.target.valueAsNumber)}
          />
        </label>
        <button type="submit" className="primary" disabled={keys.length === 0 || send.isPending}>
          {keys.length === 0
            ? "Select photos first"
            : `Classify ${keys.length} photo${keys.length === 1 ? "" : "s"}`}
        </button>
      </form>
      {model && (
        <p className="note">
          Model: {model.name}
          {model.starter &&
            " — a starter model, less accurate than the official one, which could not be downloaded"}
        </p>
      )}
      {send.error && (
        <p className="error" role="alert">
          {send.error.message}
        </p>
      )}
    </section>
  );
}
