// What is requested from the server, how often, and under which key it is cached.
import {
  keepPreviousData,
  QueryCache,
  QueryClient,
  queryOptions,
  useInfiniteQuery,
  useQueries,
  useQuery,
  useQueryClient,
  type InfiniteData,
} from "@tanstack/react-query";
import { useEffect, useState } from "react";
import {
  ApiError,
  checkLabels,
  getJob,
  getJobs,
  getLabelGroups,
  getModels,
  getPartialResult,
  getReady,
  getResultPage,
  getStatus,
} from "./client";
import { useVisible } from "../state/useVisible";
import { readEvents } from "./events";
import { toRows, type Row } from "../domain/results";
import {
  isFinal,
  type JobDetails,
  type JobPage,
  type JobProgress,
  type JobState,
} from "../domain/types";

export const refreshMs = 30_000;

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    queryCache: new QueryCache({
      // A failed call already shows that the server is unreachable: check now, not at the next interval.
      onError: (error, { queryKey }) => {
        const away = error instanceof ApiError && error.kind === "unreachable";
        if (away && queryKey[0] !== "ready") {
          void client.invalidateQueries({ queryKey: ["ready"] });
        }
      },
    }),
    defaultOptions: {
      queries: {
        // A server on this machine answers even when the network is down.
        networkMode: "always",
        staleTime: 5_000,
        retry: (failures, error) =>
          failures < 2 && error instanceof ApiError && error.kind === "server",
        retryDelay: (failures) => 500 * 2 ** failures,
      },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}

// Whether the backend answers; checked more often while it does not.
export const useConnection = () =>
  useQuery({
    queryKey: ["ready"],
    queryFn: ({ signal }) => getReady(signal),
    retry: false,
    refetchInterval: (query) => (query.state.status === "error" ? 3_000 : refreshMs),
  });

export const useModels = () =>
  useQuery({ queryKey: ["models"], queryFn: getModels, staleTime: 60_000 });

export const useLabelGroups = (model: string) =>
  useQuery({
    queryKey: ["label groups", model],
    queryFn: () => getLabelGroups(model),
    staleTime: Infinity,
    enabled: model !== "",
  });

// Warnings about categories, before a job runs with them. A server that cannot check them says so in
// its answer to the submission.
export const useLabelWarnings = (labels: readonly string[], model: string) =>
  useQuery({
    queryKey: ["label warnings", model, labels],
    queryFn: ({ signal }) => checkLabels(labels, model, signal),
    enabled: labels.length > 0,
    retry: false,
    staleTime: Infinity,
    // A model that is being loaded answers later.
    refetchInterval: ({ state }) => (state.data?.complete === false ? 1_000 : false),
    placeholderData: keepPreviousData,
  });

export interface HistoryFilter {
  status: string;
  job_type: string;
}

type JobPages = InfiniteData<JobPage, string>;

// The loaded pages updated from a newer first page: new jobs in front, known ones in their current state.
export function withNewest(loaded: JobPages, newest: JobPage): JobPages {
  const fresh = new Set(newest.jobs.map(({ job_id }) => job_id));
  const known = loaded.pages.flatMap(({ jobs }) => jobs);
  const meeting = known.findLastIndex(({ job_id }) => fresh.has(job_id));
  // Without a job in both, there may be others between them.
  if (!newest.next_token || meeting < 0) return { pages: [newest], pageParams: [""] };
  // Jobs before that one which are not on the new page have left the list.
  const replaced = new Set(known.slice(0, meeting + 1).map(({ job_id }) => job_id));
  const pages = loaded.pages.map((page, i) => ({
    ...page,
    total: newest.total,
    jobs: [
      ...(i === 0 ? newest.jobs : []),
      ...page.jobs.filter(({ job_id }) => !replaced.has(job_id)),
    ],
  }));
  return { ...loaded, pages };
}

// The first page is small, so that it appears at once; the rest are large.
const firstJobs = 100;
const moreJobs = 1000;
const mostPagesRefreshed = 3;

// Refreshes only the first page once there are many: that is where new jobs are.
export const newestJobs = (client: QueryClient, filter: HistoryFilter) =>
  queryOptions({
    queryKey: ["newest jobs", filter],
    queryFn: async ({ signal }) => {
      const newest = await getJobs({ ...filter, limit: firstJobs }, signal);
      client.setQueryData<JobPages>(
        ["jobs", filter],
        (loaded) => loaded && withNewest(loaded, newest),
      );
      return newest.total;
    },
    refetchInterval: refreshMs,
  });

// `refresh`: also while the page is only looked at.
export const useJobs = (filter: HistoryFilter, refresh = true) => {
  const client = useQueryClient();
  const list = useInfiniteQuery({
    queryKey: ["jobs", filter],
    queryFn: ({ pageParam, signal }) =>
      getJobs(
        { ...filter, limit: pageParam ? moreJobs : firstJobs, next_token: pageParam },
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_token,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => (!refresh || hasMany(state.data) ? false : refreshMs),
  });
  useQuery({
    ...newestJobs(client, filter),
    enabled: refresh && !list.isPlaceholderData && !list.isFetchingNextPage && hasMany(list.data),
  });
  return list;
};

const hasMany = (loaded: { pages: unknown[] } | undefined): boolean =>
  (loaded?.pages.length ?? 0) > mostPagesRefreshed;

export const detailsOf = (job: string) =>
  queryOptions({ queryKey: ["job", job], queryFn: () => getJob(job), staleTime: 60_000 });

export const useJobDetails = (job: string, enabled = true) =>
  useQuery({ ...detailsOf(job), enabled: enabled && job !== "" });

const labelsById = (
  answers: readonly { data: JobDetails | undefined }[],
): ReadonlyMap<string, readonly string[]> =>
  new Map(answers.flatMap(({ data }) => (data ? [[data.job_id, data.custom_labels ?? []]] : [])));

// The categories of these jobs, by id, as they become known.
export const useLabelsOfJobs = (jobs: readonly string[]) =>
  useQueries({
    queries: jobs.map((job) => ({ ...detailsOf(job), staleTime: Infinity })),
    combine: labelsById,
  });

const pollMs = 3_000;

// The state of a job: from events while they arrive, by polling otherwise.
export const useJobState = (job: string) => {
  const client = useQueryClient();
  const [live, setLive] = useState(false);
  const query = useQuery<JobState>({
    queryKey: ["status", job],
    queryFn: () => getStatus(job),
    refetchInterval: ({ state }) => {
      // Of a job that has ended another tab may change the name, run it again or delete it.
      if (state.data && isFinal(state.data.status)) return refreshMs;
      return live ? refreshMs : pollMs;
    },
  });
  const status = query.data?.status;
  const running = status !== undefined && !isFinal(status);
  const visible = useVisible();

  // Whatever is known of its result is of an earlier run.
  useEffect(() => {
    if (running) client.removeQueries({ queryKey: ["result", job] });
  }, [client, job, running]);

  useEffect(() => {
    // A hidden tab needs no progress: what has changed is asked for when it is back.
    if (!running || !visible) return;
    const stop = new AbortController();
    const listen = async () => {
      while (!stop.signal.aborted) {
        try {
          await readEvents(job, stop.signal, (event) => {
            setLive(true);
            const progress = JSON.parse(event.data) as JobProgress;
            client.setQueryData<JobState>(["status", job], (old) =>
              old ? { ...old, ...progress } : old,
            );
            if (event.name === "end") {
              client.removeQueries({ queryKey: ["result", job] });
              void client.invalidateQueries({ queryKey: ["status", job] });
            }
          });
        } catch {
          // Polling continues meanwhile; the stream is opened again below.
        }
        setLive(false);
        await new Promise((resolve) => setTimeout(resolve, pollMs));
      }
    };
    void listen();
    return () => stop.abort();
  }, [client, job, running, visible]);

  return { ...query, live };
};

export const recentImages = 48;

// The images that finished last, while the job runs.
export const useRecentResults = (job: string, done: number) =>
  useQuery({
    queryKey: ["recent", job, done],
    queryFn: async ({ signal }) => {
      // Images are started in order, so the last ones finished are near the number done.
      const from = Math.max(0, done - recentImages);
      const page = await getPartialResult(job, from, 2 * recentImages, signal);
      return toRows(page.detailed_results, from).reverse().slice(0, recentImages);
    },
    enabled: done > 0,
    staleTime: Infinity,
    gcTime: 0,
    placeholderData: keepPreviousData,
  });

export interface Results {
  rows: Row[];
  complete: boolean;
  model: string;
  durationMs: number;
  reused: number; // photos that were answered from memory
}

// All rows of a job that has ended, shown as their pages arrive.
const resultsOf = (client: QueryClient, job: string) => {
  const queryKey = ["result", job];
  return queryOptions<Results>({
    queryKey,
    staleTime: Infinity,
    structuralSharing: false,
    queryFn: async ({ signal }) => {
      const rows: Row[] = [];
      let token = "";
      for (;;) {
        const page = await getResultPage(job, token, signal);
        rows.push(...toRows(page.detailed_results, rows.length));
        token = page.next_token ?? "";
        const results = {
          rows: [...rows],
          complete: token === "",
          model: page.model_used,
          durationMs: page.processing_time_ms,
          reused: page.summary?.reused ?? 0,
        };
        if (!token) return results;
        client.setQueryData<Results>(queryKey, results);
      }
    },
  });
};

export const useResults = (job: string, enabled = true) => {
  const client = useQueryClient();
  return useQuery({ ...resultsOf(client, job), enabled });
};

// Not before its last page is there.
export async function allResults(client: QueryClient, job: string): Promise<Results> {
  const options = resultsOf(client, job);
  const results = await client.query(options);
  return results.complete ? results : client.query({ ...options, staleTime: 0 });
}

export interface Found {
  job: string;
  row: Row;
  model: string;
  threshold: number; // the job's
}

// The result for the image from the first of `jobs` that has it; null where none has.
export const useFound = (image: string, jobs: readonly string[]) => {
  const client = useQueryClient();
  return useQuery<Found | null>({
    queryKey: ["found", image, jobs],
    staleTime: Infinity,
    structuralSharing: false,
    queryFn: async () => {
      for (const job of jobs) {
        const { rows, model } = await allResults(client, job);
        const row = rows.find(({ key }) => key === image);
        if (!row) continue;
        const { confidence_threshold: threshold } = await client.query(detailsOf(job));
        return { job, row, model, threshold };
      }
      return null;
    },
  });
};
