import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Images, Play, Terminal, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { sentenceOf, submitJob } from "../api/client";
import { listProblem, useImages, useModels } from "../api/queries";
import type { JobType, Model } from "../api/types";
import { arrange } from "../gallery/arrange";
import { submitCommand } from "../job/command";
import { jobPath, Link, navigate } from "../state/router";
import { selection } from "../state/selection";
import { backendAddress } from "../state/settings";
import { useStore } from "../state/store";
import { copy } from "../ui/browser";
import { Button } from "../ui/Button";
import { Select, Slider } from "../ui/Fields";
import { formatCount, plural } from "../ui/format";
import { Thumbnail } from "../ui/Picture";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tellProblem } from "../ui/toast";
import {
  changeDraft,
  draft,
  modelFor,
  topKOf,
  toSubmission,
  whatIsMissing,
  type Draft,
} from "./draft";
import { LabelEditor } from "./LabelEditor";
import { LabelSets } from "./LabelSets";

function Section({
  title,
  children,
  aside,
}: {
  title: string;
  children: ReactNode;
  aside?: ReactNode;
}) {
  return (
    <section className="card">
      <header className="card-head">
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

const stripLength = 16; // fills a wide screen

function ChosenPhotos({
  keys,
  all,
  listed,
}: {
  keys: readonly string[];
  all: boolean;
  listed: boolean;
}) {
  const count = plural(keys.length, "photo");
  return (
    <Section
      title={!all ? count : listed ? `All ${count}` : `All photos, ${count} listed so far`}
      aside={
        <Link href="/" className="button quiet">
          {all ? "Choose some" : "Change"}
        </Link>
      }
    >
      <ul className="strip" aria-hidden>
        {keys.slice(0, stripLength).map((key) => (
          <li key={key}>
            <Thumbnail image={key} size={128} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

const kinds: { type: JobType; title: string; text: string }[] = [
  {
    type: "image_classification",
    title: "ImageNet’s 1,000 classes",
    text: "Animals, plants, food, vehicles, everyday objects. Fast, nothing to set up.",
  },
  {
    type: "custom_classification",
    title: "Your categories",
    text: "Name what to look for, in plain words. Each photo gets the category that fits best.",
  },
];

function KindChoice({ value }: { value: JobType }) {
  return (
    <fieldset className="kinds">
      <legend className="visually-hidden">Kind of job</legend>
      {kinds.map(({ type, title, text }) => (
        <label key={type} className="kind">
          <input
            type="radio"
            name="kind"
            aria-label={title}
            checked={value === type}
            onChange={() => changeDraft({ type, model: "" })}
          />
          <span>
            <strong>{title}</strong>
            <small>{text}</small>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function StarterNotice({ type }: { type: JobType }) {
  return (
    <Notice icon={TriangleAlert} tone="warning">
      <strong>A starter model is in use.</strong>{" "}
      {type === "custom_classification"
        ? "It stands in for CLIP. Expect lower confidence with your categories."
        : "It stands in for MobileNetV2, and works well on everyday photos."}{" "}
      For the official models, run <code>scripts/setup.sh</code> where their hosts can be reached,
      then restart the service.
    </Notice>
  );
}

function ModelChoice({
  models,
  state,
  model,
}: {
  models: readonly Model[];
  state: Draft;
  model: Model | undefined;
}) {
  const fitting = models.filter((entry) => entry.job_type === state.type);
  const broken = fitting.filter((entry) => entry.error);
  if (!model) {
    return (
      <Notice icon={TriangleAlert} tone="problem">
        <strong>No model can run this job.</strong>{" "}
        {broken[0]?.error ?? "Run scripts/setup.sh on the server to make the models."}
      </Notice>
    );
  }
  return (
    <>
      {fitting.length > 1 && (
        <Select
          label="Model"
          value={model.name}
          options={fitting
            .filter((entry) => !entry.error)
            .map((entry) => ({
              value: entry.name,
              label: entry.default ? `${entry.name} (default)` : entry.name,
            }))}
          onChange={(name) => changeDraft({ model: name })}
        />
      )}
      {model.starter && <StarterNotice type={state.type} />}
    </>
  );
}

function Plan({
  state,
  keys,
  all,
  listed,
  model,
}: {
  state: Draft;
  keys: readonly string[];
  all: boolean;
  listed: boolean;
  model: Model | undefined;
}) {
  const client = useQueryClient();
  const start = useMutation({
    mutationFn: () => submitJob(toSubmission(state, keys)),
    onSuccess: ({ job_id }) => {
      void client.invalidateQueries({ queryKey: ["jobs"] });
      navigate(jobPath(job_id));
    },
    onError: (error) => tellProblem("The job was not started", sentenceOf(error)),
  });
  const missing = whatIsMissing(state, keys.length, listed, model);
  const custom = state.type === "custom_classification";
  const command = submitCommand({
    backend: backendAddress(),
    keys,
    all,
    labels: custom ? state.labels : [],
    model: state.model,
    topK: topKOf(state),
    threshold: state.threshold,
  });
  return (
    <aside className="plan card" aria-label="What will run">
      <h2>What will run</h2>
      <dl className="facts">
        <dt>Photos</dt>
        <dd>{formatCount(keys.length)}</dd>
        <dt>Sorted into</dt>
        <dd>{custom ? plural(state.labels.length, "category", "categories") : "1,000 classes"}</dd>
        <dt>Model</dt>
        <dd title={model?.description}>{model ? model.name : "none"}</dd>
        <dt>Predictions per photo</dt>
        <dd>{formatCount(topKOf(state))}</dd>
        <dt>Confidence threshold</dt>
        <dd>{Math.round(state.threshold * 100)}%</dd>
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
        Classify {plural(keys.length, "photo")}
      </Button>
      <p id="plan-missing" className="hint" role="status">
        {missing}
      </p>
      <Button
        look="quiet"
        icon={Terminal}
        disabled={missing !== ""}
        onClick={() => void copy(command, "Command")}
      >
        Copy as a command
      </Button>
    </aside>
  );
}

export function SubmitPage() {
  const images = useImages();
  const models = useModels();
  const state = useStore(draft);
  const selected = useStore(selection);
  const head = (
    <header className="page-head">
      <div>
        <h1 tabIndex={-1}>New job</h1>
        <p className="page-sub">Choose what to look for, and start.</p>
      </div>
    </header>
  );
  const all = selected.size === 0;
  // Selected photos do not need the list.
  const error = models.error ?? (all || !images.data ? listProblem(images) : null);
  if (error) {
    return (
      <>
        {head}
        <ErrorState
          error={error}
          onRetry={() => {
            void models.refetch();
            void images.refetch();
          }}
        />
      </>
    );
  }
  if (!images.data || !models.data) {
    return (
      <>
        {head}
        <Loading what="photos and models" shape="page" />
      </>
    );
  }
  const stored = images.data.images;
  if (stored.length === 0 && selected.size === 0) {
    return (
      <>
        {head}
        <EmptyState
          icon={Images}
          title="No photos yet"
          actions={
            <Link href="/" className="button primary">
              Go to photos
            </Link>
          }
        >
          <p>Upload some first: a job needs at least one.</p>
        </EmptyState>
      </>
    );
  }
  const listed = !all || images.data.complete;
  const keys = all ? arrange(stored, "newest", "").map(({ key }) => key) : [...selected];
  const model = modelFor(models.data, state);
  const custom = state.type === "custom_classification";
  return (
    <>
      {head}
      <div className="split">
        <div className="stack">
          <ChosenPhotos keys={keys} all={all} listed={listed} />
          <Section title="What to look for">
            <KindChoice value={state.type} />
            {custom && (
              <>
                <LabelSets labels={state.labels} onChoose={(labels) => changeDraft({ labels })} />
                <LabelEditor labels={state.labels} onChange={(labels) => changeDraft({ labels })} />
              </>
            )}
            <ModelChoice models={models.data} state={state} model={model} />
          </Section>
          <Section title="Details">
            <div className="sliders">
              <Slider
                label="Predictions per photo"
                value={state.topK}
                min={1}
                max={10}
                step={1}
                show={String}
                onChange={(topK) => changeDraft({ topK })}
                hint="The best ones, with their confidence."
              />
              <Slider
                label="Confidence threshold"
                value={state.threshold}
                min={0}
                max={1}
                step={0.01}
                show={(value) => `${Math.round(value * 100)}%`}
                onChange={(threshold) => changeDraft({ threshold })}
                hint="Photos below it count as unknown. You can change it afterwards without running the job again."
              />
            </div>
          </Section>
        </div>
        <Plan state={state} keys={keys} all={all} listed={listed} model={model} />
      </div>
    </>
  );
}
