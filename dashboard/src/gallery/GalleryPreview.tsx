import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Sparkles } from "lucide-react";
import { Fragment, type ReactNode } from "react";
import { ApiError, getImageInfo, getPhotoPredictions, sentenceOf } from "../api/client";
import { useFound } from "../api/queries";
import {
  asSentence,
  folderOf,
  formatBytes,
  formatCount,
  formatExactTime,
  formatTime,
  nameOf,
  uploadWords,
} from "../domain/format";
import { cameraWords } from "../domain/camera";
import { titleOf } from "../domain/jobs";
import { rowOf } from "../domain/results";
import type { PhotoPrediction, StoredImage } from "../domain/types";
import { jobPath, Link, navigate } from "../state/router";
import { selectKeys } from "../state/selection";
import { pathOf } from "../state/view";
import { Button } from "../ui/Button";
import { Predictions, Preview } from "../ui/Preview";
import { useJobsToAsk } from "./useLabels";
import { galleryView } from "./view";

// What the page shows of a photo: from the list at once, and from its file when that is read.
function Facts({ image }: { image: StoredImage }) {
  const { data } = useQuery({
    queryKey: ["info", image.key],
    queryFn: ({ signal }) => getImageInfo(image.key, signal),
    staleTime: Infinity,
    retry: false, // an older server does not know it
  });
  const name = nameOf(image);
  const folder = folderOf(name);
  const taken = image.taken_at ?? data?.taken_at;
  const stored = image.uploaded_at ?? data?.uploaded_at ?? image.last_modified;
  const size = image.size || data?.size;
  const lines: [string, ReactNode][] = [
    ["Taken", taken && formatExactTime(taken)],
    [
      "Camera",
      data?.camera && cameraWords(data.camera).map((line) => <div key={line}>{line}</div>),
    ],
    [
      "Size",
      size && [
        formatBytes(size),
        data?.width && data.height ? `, ${data.width} × ${data.height} pixels` : "",
      ],
    ],
    ["Added", stored && formatExactTime(stored)],
    [
      "Folder",
      folder && (
        <Link href={pathOf("/", galleryView, { folder })}>
          <bdi>{folder}</bdi>
        </Link>
      ),
    ],
    [
      "Upload",
      data?.batch && (
        <Link href={pathOf("/", galleryView, { batch: data.batch })}>
          <bdi>{uploadWords(data.batch)}</bdi>
        </Link>
      ),
    ],
    [
      "Key",
      <bdi key="key" className="mono">
        {image.key}
      </bdi>,
    ],
  ];
  return (
    <dl className="facts">
      {lines.map(
        ([title, value]) =>
          value && (
            <Fragment key={title}>
              <dt>{title}</dt>
              <dd>{value}</dd>
            </Fragment>
          ),
      )}
    </dl>
  );
}

function ClassifyIt({ image, words }: { image: string; words: string }) {
  const classify = () => {
    selectKeys([image]);
    navigate("/new");
  };
  return (
    <>
      <p className="hint">{words}</p>
      <Button icon={Sparkles} onClick={classify}>
        Classify it
      </Button>
    </>
  );
}

function OfJob({ found }: { found: PhotoPrediction }) {
  return (
    <section className="prediction-job">
      <h3>
        <Link href={jobPath(found.job_id)}>
          {titleOf({ job_type: found.job_type, name: found.job_name })}
        </Link>
      </h3>
      <p className="hint">
        {found.model}, {formatTime(found.created_at)}
      </p>
      <Predictions row={rowOf(found)} threshold={found.confidence_threshold} />
    </section>
  );
}

// An older server, or one on DynamoDB, cannot look for the jobs of a photo: the newest ones are read.
function FromNewestJobs({ image, job }: { image: string; job: string }) {
  const jobs = useJobsToAsk(job);
  const found = useFound(image, jobs);
  if (found.isPending) return <p className="hint">Looking for predictions…</p>;
  if (found.isError) return <p className="problem-text">{asSentence(sentenceOf(found.error))}</p>;
  if (!found.data) {
    return (
      <ClassifyIt
        image={image}
        words={
          jobs.length === 0
            ? "No job has classified this photo yet."
            : jobs.length === 1
              ? "The latest job did not include this photo."
              : `None of the latest ${jobs.length} jobs included this photo.`
        }
      />
    );
  }
  const { job: id, row, model, threshold } = found.data;
  return (
    <>
      <h3>Predictions</h3>
      <Predictions row={row} threshold={threshold} />
      <p className="hint">
        Found by {model} in <Link href={jobPath(id)}>this job</Link>.
      </p>
    </>
  );
}

const cannotLook = (error: Error): boolean =>
  error instanceof ApiError && (error.kind === "missing" || error.kind === "refused");

// What all jobs found for the photo, the newest first.
function Predicted({ image, job }: { image: string; job: string }) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } =
    useInfiniteQuery({
      queryKey: ["predictions", image],
      queryFn: ({ pageParam, signal }) => getPhotoPredictions(image, pageParam, signal),
      initialPageParam: "",
      getNextPageParam: (page) => page.next_token,
      staleTime: 5_000,
      retry: false,
    });
  if (isPending) return <p className="hint">Looking for predictions…</p>;
  if (error && cannotLook(error)) return <FromNewestJobs image={image} job={job} />;
  if (!data) return <p className="problem-text">{asSentence(sentenceOf(error))}</p>;
  const found = data.pages.flatMap(({ predictions }) => predictions);
  return (
    <>
      {found.length > 0 && <h3>Predictions</h3>}
      {found.map((each) => (
        <OfJob key={`${each.job_id} ${each.index}`} found={each} />
      ))}
      {hasNextPage && (
        <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          Look at older jobs
        </Button>
      )}
      {found.length === 0 && (
        <ClassifyIt
          image={image}
          words={
            hasNextPage
              ? "None of the latest jobs included this photo."
              : "No job has classified this photo yet."
          }
        />
      )}
    </>
  );
}

interface Props {
  image: StoredImage | undefined; // undefined while it loads
  index: number;
  count: number;
  job: string; // the one whose labels are shown; may be empty
  selected: boolean;
  onToggle: () => void;
  onDelete: () => void;
  onIndex: (index: number) => void;
  onClose: () => void;
}

export function GalleryPreview({ image, job, ...place }: Props) {
  if (!image) {
    return (
      <Preview {...place} image="" name={`Photo ${formatCount(place.index + 1)}`}>
        <p className="hint" role="status">
          Loading…
        </p>
      </Preview>
    );
  }
  return (
    <Preview {...place} image={image.key} name={nameOf(image)}>
      <Facts image={image} />
      <Predicted key={image.key} image={image.key} job={job} />
    </Preview>
  );
}
