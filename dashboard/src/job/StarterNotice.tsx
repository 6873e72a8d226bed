import { TriangleAlert, X } from "lucide-react";
import type { JobDetails } from "../domain/types";
import { Link } from "../state/router";
import { createPersisted, useStore } from "../state/store";
import { IconButton } from "../ui/Button";
import "./StarterNotice.css";

// Models of which the user does not want to be told again.
const putAway = createPersisted<readonly string[]>("classifier.starters", [], (stored) =>
  Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [],
);

// One line that says what to expect of a starter model.
export function StarterNotice({ details, ended }: { details: JobDetails; ended: boolean }) {
  const names = useStore(putAway);
  if (names.includes(details.model)) return null;
  return (
    <p className="starter">
      <TriangleAlert size={16} aria-hidden />
      <span>
        <strong>A starter model {ended ? "ran" : "runs"} this job.</strong>{" "}
        {details.job_type === "custom_classification"
          ? "Expect lower confidence than with CLIP."
          : "It stands in for MobileNetV2."}{" "}
        <Link href="/new">What to do about it</Link>
      </span>
      <IconButton
        icon={X}
        size={16}
        label="Do not show this again for this model"
        onClick={() => putAway.set((now) => [...now, details.model])}
      />
    </p>
  );
}
