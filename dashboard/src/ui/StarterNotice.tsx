import { TriangleAlert, X } from "lucide-react";
import type { JobType } from "../domain/types";
import { createPersisted, useStore } from "../state/store";
import { IconButton } from "./Button";
import "./StarterNotice.css";

// Models of which the user does not want to be told again.
const putAway = createPersisted<readonly string[]>("classifier.starters", [], (stored) =>
  Array.isArray(stored) ? stored.filter((name) => typeof name === "string") : [],
);

interface Props {
  model: string;
  type: JobType;
  title: string;
}

// One line that says what to expect of a starter model, until it is put away.
export function StarterNotice({ model, type, title }: Props) {
  const names = useStore(putAway);
  if (names.includes(model)) return null;
  return (
    <p className="starter">
      <TriangleAlert size={16} aria-hidden />
      <span>
        <strong>{title}</strong>{" "}
        {type === "custom_classification"
          ? "Its answers are less certain than CLIP’s."
          : "It stands in for MobileNetV2."}{" "}
        For the official model, run <code>scripts/setup.sh</code> on the server.
      </span>
      <IconButton
        icon={X}
        size={16}
        label="Do not show this again for this model"
        onClick={() => putAway.set((now) => [...now, model])}
      />
    </p>
  );
}
