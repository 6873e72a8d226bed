import { useMutation, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import {
  cancel,
  getResult,
  getStatus,
  isFinal,
  thumbnailUrl,
  type ImageResult,
  type JobProgress,
} from "./api";

// Progress as the server pushes it; polling covers what events miss.
function useProgress(id: string) {
  const [pushed, setPushed] = useState<JobProgress | null>(null);
  useEffect(() => {
    const events = new EventSource(`/events/${encodeURIComponent(id)}`);
    const take = (event: MessageEvent<string>) => setPushed(JSON.parse(event.data) as JobProgress);
    events.addEventListener("progress", take);
    events.addEventListener("end", () => events.close());
    return () => events.close();
  }, [id]);
  const polled = useQuery({
    queryKey: ["status", id],
    queryFn: () => getStatus(id),
    refetchInterval: (query) =>
      query.state.data && isFinal(query.state.data.status) ? false : 5_000,
  });
  const latest =
    pushed && (!polled.data || isFinal(pushed.status) || pushed.done >= polled.data.done)
      ? pushed
      : polled.data;
  return { progress: latest, error: polled.error };
}

const percent = (score: number): string => `${(score * 100).toFixed(1)} %`;

function Row({ image }: { image: ImageResult }) {
  const others = image.all_predictions.slice(image.reason ? 0 : 1);
  return (
    <tr>
      <td>
        <img src={thumbnailUrl(image.s3_key, 96)} alt="" loading="lazy" />
      </td>
      <td className="name">{image.filename}</td>
      <td>
        {image.error ? (
          <span className="error">{image.error}</span>
        ) : (
          <>
            <strong>{image.top_prediction}</strong>
            <meter min={0} max={1} value={image.top_confidence} aria-label="Confidence" />{" "}
            {percent(image.top_confidence)}
          </>
        )}
      </td>
      <td className="others">
        {others.map((other) => `${other.label} ${percent(other.score)}`).join(", ")}
      </td>
    </tr>
  );
}

function Results({ id }: { id: string }) {
  const [tokens, setTokens] = useState([""]);
  const token = tokens[tokens.length - 1] ?? "";
  const result = useQuery({
    queryKey: ["result", id, token],
    queryFn: () => getResult(id, token),
    staleTime: Infinity,
  });
  if (result.error) return <p className="error">{result.error.message}</p>;
  if (!result.data) return <p role="status">Loading the results…</p>;
  const { summary, detailed_results: rows, next_token: next } = result.data;
  return (
    <>
      {result.data.error && <p className="error">{result.data.error}</p>}
      <p className="bar">
        <span>
          {summary.classified} classified, {summary.unknown} unknown, {summary.failed} failed, in{" "}
          {(result.data.processing_time_ms / 1000).toFixed(1)} s by {result.data.model_used}
        </span>
        <a href={`/result/${encodeURIComponent(id)}.csv`}>CSV</a>
        <a href={`/result/${encodeURIComponent(id)}`}>JSON</a>
      </p>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>Photo</th>
              <th>Name</th>
              <th>Label</th>
              <th>Other predictions</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((image, index) => (
              <Row key={`${token}-${index}`} image={image} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="bar">
        {tokens.length > 1 && (
          <button type="button" onClick={() => setTokens(tokens.slice(0, -1))}>
            Previous page
          </button>
        )}
        {next && (
          <button type="button" onClick={() => setTokens([...tokens, next])}>
            Next page
          </button>
        )}
      </p>
    </>
  );
}

export function JobView({ id, onClose }: { id: string; onClose: () => void }) {
  const { progress, error } = useProgress(id);
  const stop = useMutation({ mutationFn: () => cancel(id) });
  const over = progress && isFinal(progress.status);
  return (
    <section aria-labelledby="job-title">
      <h2 id="job-title">3. Result</h2>
      {error && <p className="error">{error.message}</p>}
      {progress && (
        <div role="status">
          <p className="bar">
            <span>
              {progress.status}: {progress.done} of {progress.total} photos
              {progress.failed > 0 ? `, ${progress.failed} failed` : ""}
            </span>
            {!over && (
              <button type="button" onClick={() => stop.mutate()} disabled={stop.isPending}>
                Cancel
              </button>
            )}
            <button type="button" onClick={onClose}>
              Close
            </button>
          </p>
          {!over && (
            <progress max={progress.total} value={progress.done} aria-label="Photos classified" />
          )}
        </div>
      )}
      {over && <Results id={id} />}
    </section>
  );
}
