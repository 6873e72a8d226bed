// Bodies of the backend's HTTP API, as far as the page reads them.

export type JobType = "image_classification" | "custom_classification";
export type JobStatus = "pending" | "queued" | "processing" | "completed" | "failed" | "cancelled";

export const jobStatuses: JobStatus[] = [
  "queued",
  "processing",
  "completed",
  "failed",
  "cancelled",
];

export interface Model {
  name: string;
  job_type: JobType;
  description: string;
  starter: boolean;
  default: boolean;
  num_labels: number;
  error?: string;
}

export interface StoredImage {
  key: string;
  size: number; // bytes
  last_modified: string;
  name?: string; // the user's own path; the key where nobody gave one
  taken_at?: string;
  uploaded_at?: string;
}

export interface ImagePage {
  images: StoredImage[];
  next_token?: string;
}

export const orderNames = ["newest", "oldest", "name", "taken", "size"] as const;
export type Order = (typeof orderNames)[number];

// Which photos of the catalogue, as a rule instead of a list of keys.
export interface Rule {
  all?: true;
  q?: string;
  folder?: string;
  batch?: string;
  taken_from?: string; // dates, both inclusive
  taken_to?: string;
  taken?: "none"; // without a date
  order?: Order;
}

// What is asked of the catalogue.
export interface ImageFilter {
  order: Order;
  q: string;
  folder: string;
  batch: string; // one upload
  taken: string; // "2024", "2024-07", or "none" for those without a date; see taken.ts
}

// A window of the catalogue's list.
export interface ImageWindow {
  images: StoredImage[];
  total: number; // all that the filter admits
  offset: number;
  version: string;
  unchanged?: boolean; // since the version in the question
  complete?: boolean; // false while the catalogue of an older data folder is made
}

export interface Folder {
  folder: string;
  images: number; // directly in it
}

// One upload of many photos.
export interface Batch {
  batch: string;
  images: number;
  first_uploaded_at: string;
  last_uploaded_at: string;
}

export interface BatchPage {
  batches: Batch[];
  next_token?: string;
}

export interface Month {
  month: string; // "2024-07"
  images: number;
}

export interface Dates {
  months: Month[]; // latest first
  undated: number;
}

// What the file of one photo says.
export interface ImageInfo {
  key: string;
  size: number;
  content_type?: string;
  width?: number; // pixels, as displayed
  height?: number;
  taken_at?: string;
  uploaded_at?: string;
  batch?: string;
  camera?: {
    make?: string;
    model?: string;
    lens?: string;
    exposure_s?: number;
    f_number?: number;
    iso?: number;
    focal_length_mm?: number;
  };
}

// What one job found for a photo.
export interface PhotoPrediction {
  job_id: string;
  job_name?: string;
  job_type: JobType;
  model: string;
  created_at: string;
  confidence_threshold: number;
  index: number; // of the photo in the job
  all_predictions: Prediction[];
  error?: string;
  warning?: string;
}

export interface PhotoPredictions {
  predictions: PhotoPrediction[]; // newest job first
  next_token?: string; // older jobs were not looked at
}

export interface TrashedImage {
  key: string;
  name?: string;
  size: number;
  deleted_at: string;
  expires_at: string; // then it is deleted for good
}

export interface TrashPage {
  images: TrashedImage[];
  total: number;
  next_token?: string;
}

// How many photos can be found by what they show.
export interface IndexState {
  model: string;
  indexed: number;
  total: number;
  pending: number; // that wait to be looked at
  busy: boolean;
}

export interface FoundPhoto {
  key: string;
  name: string;
  score: number; // a cosine: it says which is nearer, not how sure
}

export interface FoundPhotos extends IndexState {
  results: FoundPhoto[]; // best first
  fits?: number; // of them, where the server can tell: the others only come nearest
}

export interface DuplicateImage {
  key: string;
  name: string;
  size: number; // bytes
  width?: number; // pixels
  height?: number;
  similarity: number; // to the first of its group
}

export interface DuplicateGroup {
  kind: "identical" | "similar";
  reason: string; // why the first is the one to keep
  images: DuplicateImage[]; // the one to keep first
}

export interface DuplicatesPage {
  groups: DuplicateGroup[];
  total: number;
  next_token?: string;
}

export interface FolderPage {
  folders: Folder[];
  next_token?: string;
}

export interface UploadTicket {
  upload_url: string;
  s3_key: string;
}

export interface JobProgress {
  job_id: string;
  status: JobStatus;
  total: number;
  done: number; // failed images count as done
  failed: number;
}

export interface JobState extends JobProgress {
  name?: string; // the user's own
  created_at: string;
  updated_at: string;
  started_at?: string; // of the latest run
  completed_at?: string;
  error?: string; // why it failed or was cancelled
}

// GET /jobs/{id}: the state, and what was requested.
export interface JobDetails extends JobState {
  job_type: JobType;
  model: string;
  top_k: number;
  confidence_threshold: number;
  custom_labels?: string[];
}

export interface JobSummary {
  job_id: string;
  status: JobStatus;
  job_type: JobType;
  model: string;
  name?: string; // the user's own
  created_at: string;
  started_at?: string; // of the latest run
  completed_at?: string;
  num_images: number;
  done: number;
  failed: number;
}

export interface JobPage {
  jobs: JobSummary[];
  total: number;
  next_token?: string;
}

// Labels of a model that belong together, such as all breeds of dogs. No label is in two groups.
export interface LabelGroup {
  name: string;
  labels: string[];
}

export interface Prediction {
  label: string;
  score: number;
}

export interface ImageResult {
  filename: string;
  name?: string; // the user's own path
  s3_key: string;
  top_prediction: string | null;
  top_confidence: number;
  all_predictions: Prediction[];
  processing_time_ms: number;
  reason?: string;
  error?: string;
  warning?: string; // what is missing of an image that was classified
}

export interface JobResult {
  status: JobStatus;
  model_used: string;
  summary?: { reused?: number };
  processing_time_ms: number;
  error?: string;
  detailed_results: ImageResult[];
  next_token?: string;
}

export interface Submission {
  job_type: JobType;
  name?: string;
  s3_keys?: string[];
  images?: Rule; // in place of s3_keys
  custom_labels?: string[];
  model?: string;
  top_k: number;
  confidence_threshold: number;
}

// A named list of categories, kept on the server for everybody.
export interface StoredLabelSet {
  name: string;
  labels: string[];
  updated_at: string;
  version: string | number; // another one after each change
}

export const isFinal = (status: JobStatus): boolean =>
  status === "completed" || status === "failed" || status === "cancelled";
