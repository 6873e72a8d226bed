import { useModels } from "../api/queries";
import { useStore } from "../state/store";
import { draft, modelFor } from "../state/draft";

// The models for the kind of the job being prepared, and the one that will run.
export function useModel() {
  const state = useStore(draft);
  const { data } = useModels();
  const fitting = (data ?? []).filter((model) => model.job_type === state.type);
  return { fitting, model: data && modelFor(data, state) };
}
