import { TriangleAlert } from "lucide-react";
import { Select } from "../ui/Fields";
import { StarterNotice } from "../ui/StarterNotice";
import { Notice } from "../ui/States";
import { changeDraft } from "../state/draft";
import { useModel } from "./useModel";
import "./ModelChoice.css";

export function ModelChoice() {
  const { fitting, model } = useModel();
  if (!model) {
    return (
      <Notice icon={TriangleAlert} tone="problem">
        <strong>No model can run this job.</strong>{" "}
        {fitting.find(({ error }) => error)?.error ??
          "Run scripts/setup.sh on the server to make the models."}
      </Notice>
    );
  }
  const usable = fitting.filter(({ error }) => !error);
  return (
    <>
      {fitting.length > 1 && (
        <div className="model-choice">
          <Select
            label="Model"
            value={model.name}
            options={usable.map((entry) => ({
              value: entry.name,
              label: entry.default ? `${entry.name} (default)` : entry.name,
            }))}
            onChange={(name) => changeDraft({ model: name })}
          />
        </div>
      )}
      {model.starter && (
        <StarterNotice
          model={model.name}
          type={model.job_type}
          title="A starter model is in use."
        />
      )}
    </>
  );
}
