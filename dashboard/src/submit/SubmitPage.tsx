import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Images, Play, Terminal, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { blockOf, everything, listProblem, useImageList, useSummary } from "../api/catalogue";
import { sentenceOf, submitJob } from "../api/client";
import { useLabelWarnings, useModels } from "../api/queries";
import type { JobType, Model, Rule } from "../domain/types";
import { arrange } from "../domain/arrange";
import { submitCommand } from "../domain/command";
import { jobPath, Link, navigate } from "../state/router";
import { filterOf, ruleOf, ruleWords, selection } from "../state/selection";
import { backendAddress } from "../state/settings";
import { useStore } from "../state/store";
import { copy } from "../ui/browser";
import { Button } from "../ui/Button";
import { Select, Slider } from "../ui/Fields";
import { asSentence, formatCount, plural } from "../domain/format";
import { Thumbnail } from "../ui/Picture";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { useDebounced } from "../ui/useDebounced";
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
import "./SubmitPage.css";

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

// The photos of the job.
interface Photos {
  count: number;
  first: readonly string[]; // keys, at least those of the strip
  keys: readonly string[]; // empty where there is a rule
  rule: Rule | null;
  all: boolean; // every stored photo
  listed: boolean; // the count is final
}

const stripLength = 16; // fills a wide screen

// Without a selection a job is about every photo. A catalogue is told so by a rule.
function usePhotos(): {
  photos: Photos | undefined;
  stored: boolean; // there is at least one photo
  error: Error | null;
  refetch: () => void;
} {
  const client = useQueryClient();
  const { keys, rule: chosen } = useStore(selection);
  const summary = useSummary();
  const catalogue = summary.data ?? null;
  const byKeys = chosen === null && keys.size > 0;
  const rule = byKeys ? null : (chosen ?? ruleOf(everything));
  const window = useQuery({
    ...blockOf(filterOf(rule ?? {}), 0),
    enabled: catalogue !== null && !byKeys,
  });
  const list = useImageList(summary.data === null && !byKeys);
  const refetch = () => void client.invalidateQueries({ queryKey: ["images"] });

  if (byKeys) {
    const chosenKeys = [...keys];
    const photos = {
      count: keys.size,
      first: chosenKeys,
      keys: chosenKeys,
      rule: null,
      all: false,
      listed: true,
    };
    return { photos, stored: true, error: null, refetch };
  }
  if (catalogue) {
    const { data, error } = window;
    const photos = data && {
      count: data.total,
      first: data.images.map(({ key }) => key),
      keys: [],
      rule,
      all: rule?.all ?? false,
      listed: catalogue.complete,
    };
    return { photos, stored: catalogue.total > 0, error: data ? null : error, refetch };
  }
  const error = summary.error ?? listProblem(list);
  if (!list.data) return { photos: undefined, stored: true, error, refetch };
  const sorted = arrange(list.data.images, "newest", "").map(({ key }) => key);
  const photos = {
    count: sorted.length,
    first: sorted,
    keys: sorted,
    rule: null,
    all: true,
    listed: list.data.complete,
  };
  return { photos, stored: sorted.length > 0, error, refetch };
}

function titleOf({ count, rule, all, listed }: Photos): string {
  if (all && !listed) return `All photos, ${plural(count, "photo")} listed so far`;
  if (rule) return asSentence(ruleWords(rule, count)).replace(/\.$/, "");
  return all ? `All ${plural(count, "photo")}` : plural(count, "photo");
}

// The gallery with what the rule admits.
function galleryPath(rule: Rule | null): string {
  const { order, q, folder } = filterOf(rule ?? {});
  const query = new URLSearchParams();
  if (order !== "newest") query.set("order", order);
  if (q) query.set("q", q);
  if (folder) query.set("folder", folder);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

function ChosenPhotos({ photos }: { photos: Photos }) {
  return (
    <Section
      title={titleOf(photos)}
      aside={
        <Link href={galleryPath(photos.rule)} className="button quiet">
          {photos.all ? "Choose some" : "Change"}
        </Link>
      }
    >
      <ul className="strip" aria-hidden>
        {photos.first.slice(0, stripLength).map((key) => (
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

// What the server finds in the categories, such as two that it cannot tell apart.
function LabelWarnings({ labels, model }: { labels: readonly string[]; model: string }) {
  const settled = useDebounced(labels, 500);
  const { data } = useLabelWarnings(settled, model);
  const warnings = labels.length > 0 ? (data?.warnings ?? []) : [];
  return (
    <div role="status">
      {warnings.length > 0 && (
        <Notice icon={TriangleAlert} tone="warning">
          <ul className="warnings" aria-label="Warnings about the categories">
            {warnings.map((warning) => (
              <li key={warning} dir="auto">
                {asSentence(warning)}
              </li>
            ))}
          </ul>
        </Notice>
      )}
    </div>
  );
}

function Plan({
  state,
  photos,
  model,
}: {
  state: Draft;
  photos: Photos;
  model: Model | undefined;
}) {
  const client = useQueryClient();
  const { count, keys, rule, all, listed } = photos;
  const start = useMutation({
    mutationFn: () => submitJob(toSubmission(state, rule ? { rule } : { keys })),
    onSuccess: ({ job_id, warnings = [] }) => {
      const known = client.getQueryData(["label warnings", state.model, state.labels]);
      if (!known && warnings.length > 0) {
        tell("The categories may mislead", warnings.map(asSentence).join(" "));
      }
      void client.invalidateQueries({ queryKey: ["jobs"] });
      navigate(jobPath(job_id));
    },
    onError: (error) => tellProblem("The job was not started", sentenceOf(error)),
  });
  const missing = whatIsMissing(state, count, listed, model);
  const custom = state.type === "custom_classification";
  const command = submitCommand({
    backend: backendAddress(),
    keys,
    all,
    folder: rule?.folder,
    q: rule?.q,
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
        <dd>{formatCount(count)}</dd>
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
        Classify {plural(count, "photo")}
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
  const { photos, stored, error: listError, refetch } = usePhotos();
  const models = useModels();
  const state = useStore(draft);
  const head = (
    <header className="page-head">
      <div>
        <h1 tabIndex={-1}>New job</h1>
        <p className="page-sub">Choose what to look for, and start.</p>
      </div>
    </header>
  );
  const error = models.error ?? listError;
  if (error) {
    return (
      <>
        {head}
        <ErrorState
          error={error}
          onRetry={() => {
            void models.refetch();
            refetch();
          }}
        />
      </>
    );
  }
  if (!photos || !models.data) {
    return (
      <>
        {head}
        <Loading what="photos and models" shape="page" />
      </>
    );
  }
  if (!stored && photos.count === 0) {
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
  const model = modelFor(models.data, state);
  const custom = state.type === "custom_classification";
  return (
    <>
      {head}
      <div className="split">
        <div className="stack">
          <ChosenPhotos photos={photos} />
          <Section title="What to look for">
            <KindChoice value={state.type} />
            {custom && (
              <>
                <LabelSets labels={state.labels} onChoose={(labels) => changeDraft({ labels })} />
                <LabelEditor labels={state.labels} onChange={(labels) => changeDraft({ labels })} />
                <LabelWarnings labels={state.labels} model={state.model} />
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
        <Plan state={state} photos={photos} model={model} />
      </div>
    </>
  );
}
