import { TriangleAlert, X } from "lucide-react";
import { createPersisted, useStore } from "../state/store";
import { IconButton } from "../ui/Button";
import { Select } from "../ui/Fields";
import { Notice } from "../ui/States";
import { changeDraft } from "./draft";
import { useModel } from "./useModel";
import "./ModelChoice.css";

// Put away in this browser, once it has been read.
const starterNotice = createPersisted(
  "classifier.starterNotice",
  true,
  (stored) => stored !== false,
);

function StarterNotice() {
  if (!useStore(starterNotice)) return null;
  return (
    <Notice
      icon={TriangleAlert}
      tone="warning"
      action={
        <IconButton icon={X} size={16} label="Put away" onClick={() => starterNotice.set(false)} />
      }
    >
      <strong>A starter model is in use.</strong> For more certain answers, run{" "}
      <code>scripts/setup.sh</code> on the server.
    </Notice>
  );
}

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
      {model.starter && <StarterNotice />}
    </>
  );
}
