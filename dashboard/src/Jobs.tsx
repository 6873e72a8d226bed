import { useQuery } from "@tanstack/react-query";
import { getJobs } from "./api";

export function Jobs({ onOpen }: { onOpen: (id: string) => void }) {
  const jobs = useQuery({ queryKey: ["jobs"], queryFn: getJobs, refetchInterval: 30_000 });
  if (jobs.error) return <p className="error">{jobs.error.message}</p>;
  if (!jobs.data || jobs.data.jobs.length === 0) return null;
  return (
    <section aria-labelledby="jobs-title">
      <h2 id="jobs-title">Latest jobs</h2>
      <ul className="jobs">
        {jobs.data.jobs.map((job) => (
          <li key={job.job_id}>
            <button type="button" onClick={() => onOpen(job.job_id)}>
              {new Date(job.created_at).toLocaleString()}
            </button>
            <span>
              {job.num_images} photo{job.num_images === 1 ? "" : "s"},{" "}
              {job.job_type === "custom_classification" ? "own categories" : "ImageNet"},{" "}
              {job.status}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
