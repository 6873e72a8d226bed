import { BookmarkPlus, Download, Trash2, Upload } from "lucide-react";
import { useRef, useState, type ChangeEvent } from "react";
import { sentenceOf } from "../api/client";
import {
  exportLabelSets,
  importLabelSets,
  labelSets,
  removeLabelSet,
  saveLabelSet,
} from "../state/labelSets";
import { useStore } from "../state/store";
import { download } from "../ui/browser";
import { Button, IconButton } from "../ui/Button";
import { formatCount, plural } from "../domain/format";
import { tell, tellProblem } from "../ui/toast";
import "./LabelSets.css";

interface Props {
  labels: readonly string[];
  onChoose: (labels: string[]) => void;
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((label, i) => label === b[i]);

export function LabelSets({ labels, onChoose }: Props) {
  const sets = useStore(labelSets);
  const [last, setLast] = useState(""); // the set chosen or saved last
  const [naming, setNaming] = useState<string | null>(null);
  const file = useRef<HTMLInputElement>(null);
  const current = sets.find((set) => sameList(set.labels, labels));
  const edited = current ? undefined : sets.find((set) => set.name === last);

  const save = (name: string) => {
    if (name.trim() === "") return;
    saveLabelSet(name, [...labels]);
    setLast(name.trim());
    setNaming(null);
    tell(`“${name.trim()}” saved`, plural(labels.length, "category", "categories"));
  };

  const take = async (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.target.files?.[0];
    event.target.value = "";
    if (!chosen) return;
    try {
      const imported = importLabelSets(await chosen.text(), chosen.name);
      for (const set of imported) saveLabelSet(set.name, set.labels);
      const first = imported[0];
      if (first) {
        onChoose(first.labels);
        setLast(first.name);
      }
      tell(`${plural(imported.length, "label set")} imported`);
    } catch (error) {
      tellProblem("Nothing was imported", sentenceOf(error));
    }
  };

  return (
    <div className="sets">
      <div className="set-choices" role="group" aria-label="Label sets">
        {sets.map((set) => (
          <span key={set.name} className="set">
            <button
              type="button"
              aria-pressed={set === current}
              title={set.labels.join(", ")}
              onClick={() => {
                onChoose(set.labels);
                setLast(set.name);
              }}
            >
              <bdi>{set.name}</bdi> <small>{formatCount(set.labels.length)}</small>
            </button>
            <IconButton
              icon={Trash2}
              size={14}
              label={`Delete the label set ${set.name}`}
              onClick={() => {
                removeLabelSet(set.name);
                tell(`“${set.name}” deleted`);
              }}
            />
          </span>
        ))}
      </div>
      {naming === null ? (
        <div className="buttons">
          {edited && labels.length > 0 && (
            <Button look="quiet" icon={BookmarkPlus} onClick={() => save(edited.name)}>
              Save “{edited.name}”
            </Button>
          )}
          <Button
            look="quiet"
            icon={BookmarkPlus}
            disabled={labels.length === 0}
            onClick={() => setNaming("")}
          >
            Save as a set
          </Button>
          <Button look="quiet" icon={Upload} onClick={() => file.current?.click()}>
            Import
          </Button>
          <Button
            look="quiet"
            icon={Download}
            disabled={sets.length === 0}
            onClick={() => download(exportLabelSets(sets), "label-sets.json", "application/json")}
          >
            Export
          </Button>
          <input
            ref={file}
            type="file"
            hidden
            accept=".json,.txt,.csv"
            aria-label="Label sets to import"
            onChange={(event) => void take(event)}
          />
        </div>
      ) : (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            save(naming);
          }}
        >
          <input
            className="input"
            aria-label="Name of the set"
            placeholder="Name of the set"
            dir="auto"
            maxLength={80}
            value={naming}
            // The field appears when its button is pressed.
            // eslint-disable-next-line jsx-a11y/no-autofocus
            autoFocus
            onChange={(event) => setNaming(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setNaming(null)}
          />
          <Button type="submit" look="primary" disabled={naming.trim() === ""}>
            Save
          </Button>
          <Button onClick={() => setNaming(null)}>Cancel</Button>
        </form>
      )}
    </div>
  );
}
