// The calls that the page makes. Every failure is an ApiError whose message can be shown to people.
import { asSentence } from "../domain/format";
import { apiKey, settings } from "../state/settings";
import { rangeOf } from "../domain/taken";
import type {
  BatchPage,
  Dates,
  DuplicatesPage,
  FolderPage,
  FoundPhotos,
  ImageFilter,
  ImageInfo,
  ImagePage,
  ImageWindow,
  IndexState,
  JobDetails,
  JobPage,
  JobResult,
  JobState,
  LabelGroup,
  Model,
  PhotoPredictions,
  StoredLabelSet,
  Submission,
  TrashPage,
  UploadTicket,
} from "../domain/types";

export type FailureKind =
  | "unreachable" // no answer at all
  | "slow" // no answer in time
  | "access" // the API key is missing or wrong, or may not do this
  | "missing" // 404
  | "refused" // another 4xx
  | "server"; // 5xx, or an answer that is not JSON

export class ApiError extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly status = 0,
  ) {
    super(message);
  }
}

const timeoutMs = 30_000;
const longTimeoutMs = 300_000; // for answers whose size grows with the job

// For people. The server begins its messages in lower case and ends them without a full stop.
export const sentenceOf = (error: unknown): string =>
  error instanceof ApiError
    ? asSentence(error.message)
    : error instanceof Error
      ? error.message
      : String(error);

// Where a call goes, when it is not the backend of the settings.
export interface Target {
  backend: string;
  key: string;
}

interface CallOptions extends Omit<RequestInit, "headers"> {
  headers?: Record<string, string>;
  timeout?: number; // ms
  target?: Target;
}

const kindOf = (status: number): FailureKind => {
  if (status === 401 || status === 403) return "access";
  if (status === 404) return "missing";
  return status >= 500 ? "server" : "refused";
};

// A browser does not say why there is no answer, so these are the likely reasons, in one sentence.
export function whyUnreachable(address: string, page: string): string {
  const secure = (url: string): boolean => url.startsWith("https:");
  const why =
    address === page
      ? "check that it is running"
      : secure(page) && !secure(address)
        ? "a page opened over https can only use a server over https"
        : secure(address)
          ? `check that it is running, that its certificate is valid, and that its ALLOWED_ORIGINS has ${page}`
          : `check that it is running and that its ALLOWED_ORIGINS has ${page}`;
  return `${address} cannot be reached: ${why}.`;
}

const notClassifier = (address: string): ApiError =>
  new ApiError("server", `${address} is not a classifier: check the address and the port.`);

// The server's own message where it sent one.
async function failureOf(response: Response, address: string): Promise<ApiError> {
  const body: unknown = await response.json().catch(() => null);
  const said =
    typeof body === "object" && body !== null && "error" in body && typeof body.error === "string"
      ? body.error
      : "";
  const kind = kindOf(response.status);
  if (response.status === 405) {
    return new ApiError(
      kind,
      "This server is older than the page and cannot do this: upgrade it.",
      response.status,
    );
  }
  if (kind === "access") {
    // The server knows the key of a 403: its role is not enough.
    const advice =
      response.status === 401 ? "Enter the API key in Settings." : "Enter another key in Settings.";
    return new ApiError(kind, `${said || "The server denies access"}. ${advice}`, response.status);
  }
  if (said) return new ApiError(kind, said, response.status);
  const advice = kind === "server" ? "try again in a moment" : "check the address in Settings";
  return new ApiError(
    kind,
    `${address} answered with status ${response.status}: ${advice}.`,
    response.status,
  );
}

const addressOf = (target?: Target): string =>
  (target ?? settings.get()).backend || location.origin;

export async function request(path: string, options: CallOptions = {}): Promise<Response> {
  const { timeout = timeoutMs, signal, headers, target, ...rest } = options;
  const { backend, key } = target ?? { backend: settings.get().backend, key: apiKey() };
  const address = addressOf(target);
  const late = AbortSignal.timeout(timeout);
  let response: Response;
  try {
    response = await fetch(backend + path, {
      ...rest,
      headers: { ...headers, ...(key ? { "X-API-Key": key } : {}) },
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (late.aborted) {
      throw new ApiError("slow", `${address} did not answer within ${timeout / 1000} seconds.`);
    }
    throw new ApiError("unreachable", whyUnreachable(address, location.origin));
  }
  if (!response.ok) throw await failureOf(response, address);
  return response;
}

async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await request(path, options);
  try {
    return (await response.json()) as T;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw notClassifier(addressOf(options.target));
  }
}

const send = <T>(
  method: "POST" | "PUT" | "PATCH",
  path: string,
  body: unknown,
  options: CallOptions = {},
): Promise<T> =>
  call<T>(path, {
    ...options,
    method,
    headers: { ...options.headers, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

const post = <T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> =>
  send<T>("POST", path, body, signal ? { signal } : {});

const withQuery = (path: string, values: Record<string, string | number | undefined>): string => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text ? `${path}?${text}` : path;
};

const id = encodeURIComponent;

export const getReady = (signal?: AbortSignal) =>
  call<{ status: string }>("/ready", { timeout: 10_000, ...(signal ? { signal } : {}) });

export const getModels = () => call<{ models: Model[] }>("/models").then((answer) => answer.models);

export interface Health {
  models: Model[];
  ms: number; // the time of one answer
}

// Checks that a classifier answers, is ready and lets this page in; throws the reason otherwise.
export async function checkHealth(target: Target): Promise<Health> {
  const options = { target, timeout: 10_000 };
  // Any server may refuse one of these paths; only a classifier has them all.
  const ask = async <T>(path: string): Promise<Partial<T>> => {
    try {
      const answer = await call<Partial<T> | null>(path, options);
      return typeof answer === "object" && answer !== null ? answer : {};
    } catch (error) {
      const wrong = error instanceof ApiError && [400, 404, 405].includes(error.status);
      throw wrong ? notClassifier(addressOf(target)) : error;
    }
  };
  const start = performance.now();
  const { status } = await ask<{ status: string }>("/health");
  const ms = performance.now() - start;
  if (status !== "healthy") throw notClassifier(addressOf(target));
  await ask("/ready");
  const { models } = await ask<{ models: Model[] }>("/models");
  if (!Array.isArray(models)) throw notClassifier(addressOf(target));
  return { models, ms };
}

export const getImages = (token: string, signal: AbortSignal) =>
  call<ImagePage>(withQuery("/images", { limit: 1000, next_token: token }), { signal });

export interface WindowQuery extends Partial<ImageFilter> {
  offset: number;
  limit: number;
  fields: string;
  since?: string;
}

export const getImageWindow = ({ taken = "", ...query }: WindowQuery, signal?: AbortSignal) =>
  call<ImageWindow>(
    withQuery("/images", { ...query, ...rangeOf(taken) }),
    signal ? { signal } : {},
  );

export const getFolders = (token: string, signal: AbortSignal) =>
  call<FolderPage>(withQuery("/folders", { next_token: token }), { signal });

export const getBatches = (token: string, signal: AbortSignal) =>
  call<BatchPage>(withQuery("/batches", { next_token: token }), { signal });

export const getDates = (signal: AbortSignal) => call<Dates>("/dates", { signal });

export const getImageInfo = (key: string, signal: AbortSignal) =>
  call<ImageInfo>(`/images/${id(key)}/info`, { signal });

export const getPhotoPredictions = (key: string, token: string, signal: AbortSignal) =>
  call<PhotoPredictions>(withQuery(`/images/${id(key)}/predictions`, { next_token: token }), {
    signal,
  });

// For good, also from the trash.
export const deleteImage = (key: string) =>
  call<unknown>(`/images/${id(key)}`, { method: "DELETE" });

// Into the trash. Only a server that has one; see api/trash.ts.
export const trashImage = (key: string) =>
  call<unknown>(`/images/${id(key)}?trash=true`, { method: "DELETE" });

// For what an older backend does not have: it answers 404 or 405, or with the page itself; and with 422 what
// is switched off, or not possible with its stores.
const orMissing = <T>(answer: Promise<T>, missing: T): Promise<T> =>
  answer.catch((error: unknown) => {
    if (!(error instanceof ApiError)) throw error;
    const isPage = error.kind === "server" && error.status === 0;
    if (isPage || [404, 405, 422].includes(error.status)) return missing;
    throw error;
  });

// null where the server cannot search by what photos show.
export const getIndex = (signal: AbortSignal): Promise<IndexState | null> =>
  orMissing<IndexState | null>(call<IndexState>("/index", { signal }), null);

// Has all photos looked at that have not been.
export const indexAll = () => post<IndexState>("/index", {});

// Which photos a search is about; its order is always the best first.
export type SearchFilter = Pick<ImageFilter, "folder" | "batch" | "taken">;

const searchPath = (
  path: string,
  asked: { q?: string; key?: string; limit: number },
  { taken, ...filter }: SearchFilter,
): string => withQuery(path, { ...asked, ...filter, ...rangeOf(taken) });

export const searchByText = (q: string, filter: SearchFilter, limit: number, signal: AbortSignal) =>
  call<FoundPhotos>(searchPath("/search", { q, limit }, filter), { signal });

export const searchByPhoto = (
  key: string,
  filter: SearchFilter,
  limit: number,
  signal: AbortSignal,
) => call<FoundPhotos>(searchPath("/similar", { key, limit }, filter), { signal });

// Of a picture that is not stored; it is looked at, and not kept.
export const searchByPicture = (
  picture: Blob,
  filter: SearchFilter,
  limit: number,
  signal: AbortSignal,
) =>
  call<FoundPhotos>(searchPath("/similar", { limit }, filter), {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: picture,
    signal,
    timeout: longTimeoutMs,
  });

export const getDuplicates = (
  query: { min_similarity: number; limit: number; next_token: string },
  signal: AbortSignal,
) => call<DuplicatesPage>(withQuery("/duplicates", query), { signal });

export const getTrash = (token: string, limit: number, signal?: AbortSignal) =>
  call<TrashPage>(withQuery("/trash", { limit, next_token: token }), signal ? { signal } : {});

// How many photos are in it; null where there is none.
export const getTrashTotal = (signal: AbortSignal): Promise<number | null> =>
  orMissing<number | null>(
    getTrash("", 1, signal).then(({ total }) => total),
    null,
  );

export const restoreImages = (keys: readonly string[]) =>
  post<{ restored: string[]; missing: string[]; conflicts?: string[] }>("/trash/restore", { keys });

export const emptyTrash = () =>
  call<{ deleted: number }>("/trash", { method: "DELETE", timeout: longTimeoutMs });

export const hasImage = (key: string): Promise<boolean> =>
  orMissing(
    request(`/images/${id(key)}`, { method: "HEAD" }).then(() => true),
    false,
  );

export const getUploadTicket = (
  file: { filename: string; content_type: string; path: string; batch: string },
  signal: AbortSignal,
) => post<UploadTicket>("/upload-url", file, signal);

export const submitJob = (submission: Submission) =>
  post<{ job_id: string; message: string; warnings?: string[] }>("/submit", submission);

// What the server would warn of in a submission with these categories.
export const checkLabels = (labels: readonly string[], model: string, signal: AbortSignal) =>
  post<{ warnings: string[]; complete: boolean }>(
    "/labels/check",
    { custom_labels: labels, ...(model ? { model } : {}) },
    signal,
  );

export const getJobs = (
  filter: { status: string; job_type: string; limit: number; next_token?: string },
  signal: AbortSignal,
) => call<JobPage>(withQuery("/jobs", filter), { signal });

export const getJob = (job: string) => call<JobDetails>(`/jobs/${id(job)}`);
export const getStatus = (job: string) => call<JobState>(`/status/${id(job)}`);

// "" removes the name.
export const renameJob = (job: string, name: string) =>
  send<JobDetails>("PATCH", `/jobs/${id(job)}`, { name });

// With its results and its sorted copies, without its images.
export const deleteJob = (job: string) => call<unknown>(`/jobs/${id(job)}`, { method: "DELETE" });

// Empty where the model has none.
export const getLabelGroups = (model: string): Promise<LabelGroup[]> =>
  orMissing(
    call<{ groups: LabelGroup[] }>(`/models/${id(model)}/groups`).then(({ groups }) => groups),
    [],
  );

export const cancelJob = (job: string) => post<JobState>(`/jobs/${id(job)}/cancel`, {});
export const retryJob = (job: string) => post<JobState>(`/jobs/${id(job)}/retry`, {});

// null where the server is older and has none.
export const getLabelSets = (signal: AbortSignal): Promise<StoredLabelSet[] | null> =>
  orMissing<StoredLabelSet[] | null>(
    call<{ label_sets: StoredLabelSet[] }>("/label-sets", { signal }).then(
      (answer) => answer.label_sets,
    ),
    null,
  );

const onlyIf = (version: StoredLabelSet["version"]) => ({ "If-Match": `"${version}"` });

// Without a version only where no set has the name. Status 412: somebody else was faster.
export const putLabelSet = (
  name: string,
  labels: readonly string[],
  version?: StoredLabelSet["version"],
) =>
  send<StoredLabelSet>(
    "PUT",
    `/label-sets/${id(name)}`,
    { labels },
    { headers: version === undefined ? { "If-None-Match": "*" } : onlyIf(version) },
  );

export const deleteLabelSet = (name: string, version: StoredLabelSet["version"]) =>
  call<unknown>(`/label-sets/${id(name)}`, { method: "DELETE", headers: onlyIf(version) });

export const getResultPage = (job: string, token: string, signal: AbortSignal) =>
  call<JobResult>(withQuery(`/result/${id(job)}`, { limit: 2000, next_token: token }), {
    signal,
    timeout: longTimeoutMs,
  });

// What has been done so far of the images from `from` on.
export const getPartialResult = (job: string, from: number, limit: number, signal: AbortSignal) =>
  call<JobResult>(withQuery(`/result/${id(job)}`, { partial: "true", from, limit }), { signal });

export type ResultFormat = "csv" | "excel" | "json";

// Excel needs a mark in CSV to see that it is UTF-8.
const resultFileOf: Record<ResultFormat, string> = { csv: ".csv", excel: ".csv?excel=1", json: "" };

export const getResultFile = (job: string, format: ResultFormat): Promise<Blob> =>
  request(`/result/${id(job)}${resultFileOf[format]}`, { timeout: longTimeoutMs }).then(
    (response) => response.blob(),
  );

// `quiet`: no error in the browser's console for a photo that cannot be shown.
export const thumbnailPath = (key: string, size: number, trashed = false): string =>
  `/images/${id(key)}/thumbnail?size=${size}&quiet=true${trashed ? "&trash=true" : ""}`;

export const imagePath = (key: string): string => `/images/${id(key)}`;

export const getOriginal = (key: string): Promise<Blob> =>
  request(imagePath(key), { timeout: longTimeoutMs }).then((response) => response.blob());
