import { useMutation } from "@tanstack/react-query";
import { CloudUpload } from "lucide-react";
import { sentenceOf } from "../api/client";
import { plural } from "../domain/format";
import type { LabelSet } from "../state/labelSets";
import { createPersisted, useStore } from "../state/store";
import { Button } from "../ui/Button";
import { Notice } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import type { Sets } from "./useSets";

// Whether the user wants to keep the sets of this browser where they are. Asked once.
const keepsHere = createPersisted("classifier.labelSetsStay", false, (stored) => stored === true, {
  followTabs: true,
});

// Offers to move the label sets of this browser to the server.
export function MoveSets({ offered, move }: Sets) {
  const kept = useStore(keepsHere);
  const moving = useMutation({
    mutationFn: (sets: LabelSet[]) => move(sets),
    onSuccess: (taken, sets) => {
      const moved = sets.length - taken.length;
      const stay = taken.map((name) => `“${name}”`).join(", ");
      if (moved > 0) tell(`${plural(moved, "label set")} moved to the server`);
      if (taken.length > 0) {
        tellProblem(
          `${plural(taken.length, "label set")} not moved`,
          `The server has other categories under the same name: ${stay}.`,
        );
      }
    },
    onError: (error) => tellProblem("The label sets were not moved", sentenceOf(error)),
  });
  if (kept || offered.length === 0) return null;
  const one = offered.length === 1;
  return (
    <Notice
      icon={CloudUpload}
      action={
        <div className="buttons">
          <Button look="primary" busy={moving.isPending} onClick={() => moving.mutate(offered)}>
            Move
          </Button>
          <Button onClick={() => keepsHere.set(true)}>Keep in this browser</Button>
        </div>
      }
    >
      {plural(offered.length, "label set")} {one ? "is" : "are"} in this browser only. Move{" "}
      {one ? "it" : "them"} to the server, so that every browser has {one ? "it" : "them"}?
    </Notice>
  );
}
