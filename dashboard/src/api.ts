// The calls of the backend's HTTP API that the page makes. Every failure is an Error with the server's own sentence.

export type JobType = "image_classification" | "custom_classification";
export type JobStatus = "pending" | "queued" | "processing" | "completed" | "failed" | "cancelled";

export interface Model {
  name: string;
  job_type: JobType;
  description: string;
  starter: boolean;
  default: boolean;
  error?: string;
}

export interface StoredImage {
  key: string;
  size: number;
  last_modified: string;
}

export interface JobProgress {
  job_id: string;
  status: JobStatus;
  total: number;
  done: number;
  failed: number;
  error?: string;
}

export interface JobSummary {
  job_id: string;
  status: JobStatus;
  job_type: JobType;
  created_at: string;
  num_images: number;
}

export interface Prediction {
  label: string;
  score: number;
}

export interface ImageResult {
  filename: string;
  s3_key: string;
  top_prediction: string | null;
  top_confidence: number;
  all_predictions: Prediction[];
  reason?: string;
  error?: string;
}

export interface JobResult {
  success: boolean;
  job_id: string;
  model_used: string;
  processing_time_ms: number;
  error?: string;
  summary: { total: number; classified: number; unknown: number; failed: number };
  detailed_results: ImageResult[];
  next_token?: string;
}

export interface SubmitRequest {
  job_type: JobType;
  s3_keys: string[];
  custom_labels?: string[];
  top_k: number;
  confidence_threshold: number;
}

export const isFinal = (status: JobStatus): boolean =>
  status === "completed" || status === "failed" || status === "cancelled";

async function call<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Error("The server cannot be reached. Is it running? The page tries again by itself.");
  }
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const sentence =
      body && typeof body === "object" && "error" in body
        ? String(body.error)
        : response.statusText;
    throw new Error(sentence || `The server answered ${response.status}.`);
  }
  return body as T;
}

const post = <T>(path: string, body: unknown): Promise<T> =>
  call<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

export const getModels = () => call<{ models: Model[] }>("/models").then((r) => r.models);
export const getJobs = () => call<{ jobs: JobSummary[]; total: number }>("/jobs?limit=20");
export const getStatus = (id: string) => call<JobProgress>(`/status/${encodeURIComponent(id)}`);
export const getResult = (id: string, token: string) =>
  call<JobResult>(
    `/result/${encodeURIComponent(id)}?limit=200${token ? `&next_token=${encodeURIComponent(token)}` : ""}`,
  );
export const getImages = () =>
  call<{ images: StoredImage[]; next_token?: string }>("/images?limit=500");
export const submit = (request: SubmitRequest) => post<{ job_id: string }>("/submit", request);
export const cancel = (id: string) => post<unknown>(`/jobs/${encodeURIComponent(id)}/cancel`, {});

export const thumbnailUrl = (key: string, size: number): string =>
  `/images/${encodeURIComponent(key)}/thumbnail?size=${size}`;

export async function upload(file: File): Promise<string> {
  const ticket = await post<{ upload_url: string; s3_key: string }>("/upload-url", {
    filename: file.name,
    content_type: file.type,
  });
  // The server signs its own address; the page may have reached it by another name.
  const url = new URL(ticket.upload_url);
  const target = url.pathname.startsWith("/objects/") ? url.pathname + url.search : url.href;
  const response = await fetch(target, {
    method: "PUT",
    headers: { "Content-Type": file.type },
    body: file,
  });
  if (!response.ok) {
    const body = (await response.json().catch(() => null)) as { error?: string } | null;
    throw new Error(body?.error ?? `The upload was refused with ${response.status}.`);
  }
  return ticket.s3_key;
}
