import { useMutation, useQueryClient } from "@tanstack/react-query";
import { ApiError, deleteJob, renameJob, sentenceOf } from "../api/client";
import { plural } from "../domain/format";
import { tell, tellProblem } from "../ui/toast";

// Names and deletes jobs; the lists of jobs follow.
export function useJobChanges() {
  const client = useQueryClient();
  const refresh = () => {
    void client.invalidateQueries({ queryKey: ["jobs"] });
    void client.invalidateQueries({ queryKey: ["newest jobs"] });
  };
  const rename = useMutation({
    mutationFn: ({ job, name }: { job: string; name: string }) => renameJob(job, name),
    onSuccess: (details) => {
      client.setQueryData(["job", details.job_id], details);
      void client.invalidateQueries({ queryKey: ["status", details.job_id] });
      refresh();
    },
    onError: (error) => tellProblem("The job was not renamed", sentenceOf(error)),
  });
  const remove = useMutation({
    mutationFn: async (jobs: readonly string[]) => {
      let deleted = 0;
      try {
        for (const job of jobs) {
          await deleteJob(job).catch((error: unknown) => {
            // Somebody else has deleted it.
            if (!(error instanceof ApiError && error.kind === "missing")) throw error;
          });
          deleted += 1;
          for (const kind of ["status", "job", "result"]) {
            client.removeQueries({ queryKey: [kind, job] });
          }
        }
      } catch (error) {
        tellProblem(
          `${plural(jobs.length - deleted, "job was", "jobs were")} not deleted`,
          sentenceOf(error),
        );
      }
      return deleted;
    },
    onSuccess: (deleted) => {
      if (deleted > 0) tell(`${plural(deleted, "job")} deleted`);
      refresh();
    },
  });
  return { rename, remove };
}
