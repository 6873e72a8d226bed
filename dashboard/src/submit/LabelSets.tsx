import { BookmarkPlus, CircleAlert, Download, Trash2, Upload } from "lucide-react";
import { useRef, useState, type ChangeEvent } from "react";
import { sentenceOf } from "../api/client";
import { formatCount, plural } from "../domain/format";
import { exportLabelSets, importLabelSets, sameSet, type LabelSet } from "../state/labelSets";
import { useStore } from "../state/store";
import { download } from "../ui/browser";
import { Button, IconButton } from "../ui/Button";
import { Confirm } from "../ui/Dialogs";
import { Notice } from "../ui/States";
import { tell, tellProblem, tellUndo } from "../ui/toast";
import { ConflictDialog } from "./ConflictDialog";
import { changeDraft, draft, labelsOf, takeTyped } from "../state/draft";
import { MoveSets } from "./MoveSets";
import { isOnServer, type ShownSet } from "./sets";
import { SetConflict, useSets, type Sets } from "./useSets";
import "./LabelSets.css";

const namesOf = (sets: readonly LabelSet[]): string =>
  sets.map(({ name }) => `“${name}”`).join(", ");

function Choices({
  sets,
  onChoose,
  onRemove,
}: {
  sets: Sets;
  onChoose: (set: ShownSet) => void;
  onRemove: (set: ShownSet) => void;
}) {
  const labels = labelsOf(useStore(draft));
  return (
    <div className="set-choices" role="group" aria-label="Label sets">
      {sets.sets.map((set) => (
        <span key={`${set.name} ${isOnServer(set)}`} className="set">
          <button
            type="button"
            aria-pressed={sameSet(set, { name: set.name, labels })}
            title={set.labels.join(", ")}
            onClick={() => onChoose(set)}
          >
            <bdi>{set.name}</bdi> <small>{formatCount(set.labels.length)}</small>
            {sets.shared && !isOnServer(set) && <small className="set-place">this browser</small>}
          </button>
          <IconButton
            icon={Trash2}
            size={14}
            label={`Delete the label set ${set.name}`}
            onClick={() => onRemove(set)}
          />
        </span>
      ))}
    </div>
  );
}

function NameForm({ onSave, onCancel }: { onSave: (name: string) => void; onCancel: () => void }) {
  const [name, setName] = useState("");
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.trim()) onSave(name.trim());
      }}
    >
      <input
        className="input"
        aria-label="Name of the set"
        placeholder="Name of the set"
        dir="auto"
        maxLength={80}
        value={name}
        // The field appears when its button is pressed.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        onChange={(event) => setName(event.target.value)}
        onKeyDown={(event) => event.key === "Escape" && onCancel()}
      />
      <Button type="submit" look="primary" disabled={name.trim() === ""}>
        Save
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
    </form>
  );
}

function useImport(sets: Sets, onChoose: (set: ShownSet) => void) {
  const [asked, setAsked] = useState<LabelSet[] | null>(null); // whether some may be replaced

  const write = async (imported: readonly LabelSet[]) => {
    setAsked(null);
    if (imported.length === 0) return;
    try {
      const saved: ShownSet[] = [];
      for (const set of imported) saved.push(await sets.save(set, sets.namesake(set.name)));
      if (saved[0]) onChoose(saved[0]);
      tell(`${plural(imported.length, "label set")} imported`);
    } catch (error) {
      tellProblem("Not all label sets were imported", sentenceOf(error));
    }
  };

  const isReplacing = (set: LabelSet): boolean => {
    const old = sets.namesake(set.name);
    return old !== undefined && !sameSet(old, set);
  };

  const read = async (event: ChangeEvent<HTMLInputElement>) => {
    const chosen = event.target.files?.[0];
    event.target.value = "";
    if (!chosen) return;
    try {
      const imported = importLabelSets(await chosen.text(), chosen.name);
      if (imported.some(isReplacing)) setAsked(imported);
      else await write(imported);
    } catch (error) {
      tellProblem("Nothing was imported", sentenceOf(error));
    }
  };

  const replaced = asked?.filter(isReplacing) ?? [];
  const question = (
    <Confirm
      open={asked !== null}
      title={`Replace ${plural(replaced.length, "label set")}?`}
      action="Replace"
      keep="Keep those"
      onClose={() => void write(asked?.filter((set) => !isReplacing(set)) ?? [])}
      onConfirm={() => void write(asked ?? [])}
    >
      <p>You already have {namesOf(replaced)}, with other categories.</p>
    </Confirm>
  );
  return { read, question };
}

type Question =
  { replace: ShownSet; mine: LabelSet } | { conflict: ShownSet | undefined; mine: LabelSet };

export function LabelSets() {
  const sets = useSets();
  const labels = labelsOf(useStore(draft));
  const [last, setLast] = useState<ShownSet>(); // chosen or saved last, as it was then
  const [naming, setNaming] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const file = useRef<HTMLInputElement>(null);

  const choose = (set: ShownSet) => {
    changeDraft({ labels: set.labels, typed: "" });
    setLast(set);
  };
  const imports = useImport(sets, choose);
  const current = sets.sets.some((set) => sameSet(set, { name: set.name, labels }));
  const edited = current || labels.length === 0 ? undefined : last;

  const write = async (mine: LabelSet, replaced?: ShownSet) => {
    setQuestion(null);
    try {
      setLast(await sets.save(mine, replaced));
      takeTyped();
      setNaming(false);
      tell(`“${mine.name}” saved`, plural(mine.labels.length, "category", "categories"));
    } catch (error) {
      if (error instanceof SetConflict) setQuestion({ conflict: error.now, mine });
      else tellProblem(`“${mine.name}” was not saved`, sentenceOf(error));
    }
  };

  const saveAs = (name: string) => {
    const old = sets.namesake(name);
    const mine = { name, labels };
    if (old && !sameSet(old, mine)) setQuestion({ replace: old, mine });
    else void write(mine, old);
  };

  const remove = async (set: ShownSet) => {
    try {
      const undo = await sets.remove(set);
      tellUndo(`“${set.name}” deleted`, () => {
        undo().catch((error: unknown) =>
          tellProblem(`“${set.name}” was not restored`, sentenceOf(error)),
        );
      });
    } catch (error) {
      tellProblem(`“${set.name}” was not deleted`, sentenceOf(error));
    }
  };

  return (
    <div className="sets">
      {sets.error && (
        <Notice
          icon={CircleAlert}
          tone="problem"
          action={<Button onClick={sets.retry}>Try again</Button>}
        >
          The label sets of the server could not be loaded. {sentenceOf(sets.error)}
        </Notice>
      )}
      <MoveSets {...sets} />
      <Choices sets={sets} onChoose={choose} onRemove={(set) => void remove(set)} />
      {naming ? (
        <NameForm onSave={saveAs} onCancel={() => setNaming(false)} />
      ) : (
        <div className="buttons">
          {edited && (
            <Button
              look="quiet"
              icon={BookmarkPlus}
              disabled={!sets.ready}
              onClick={() => void write({ name: edited.name, labels }, edited)}
            >
              Save “{edited.name}”
            </Button>
          )}
          <Button
            look="quiet"
            icon={BookmarkPlus}
            disabled={labels.length === 0 || !sets.ready}
            onClick={() => setNaming(true)}
          >
            Save as a set
          </Button>
          <Button
            look="quiet"
            icon={Upload}
            disabled={!sets.ready}
            onClick={() => file.current?.click()}
          >
            Import
          </Button>
          <Button
            look="quiet"
            icon={Download}
            disabled={sets.sets.length === 0}
            onClick={() =>
              download(exportLabelSets(sets.sets), "label-sets.json", "application/json")
            }
          >
            Export
          </Button>
          <input
            ref={file}
            type="file"
            hidden
            accept=".json,.txt,.csv"
            aria-label="Label sets to import"
            onChange={(event) => void imports.read(event)}
          />
        </div>
      )}
      {imports.question}
      {question && "replace" in question && (
        <Confirm
          open
          title={`Replace “${question.mine.name}”?`}
          action="Replace"
          keep="Use another name"
          onClose={() => setQuestion(null)}
          onConfirm={() => void write(question.mine, question.replace)}
        >
          <p>
            A set of this name has{" "}
            {plural(question.replace.labels.length, "category", "categories")}:{" "}
            {question.replace.labels.slice(0, 12).join(", ")}
            {question.replace.labels.length > 12 && "…"}
          </p>
        </Confirm>
      )}
      {question && "conflict" in question && (
        <ConflictDialog
          mine={question.mine}
          theirs={question.conflict}
          onTheirs={() => {
            if (question.conflict) choose(question.conflict);
            else setLast(undefined);
            setQuestion(null);
          }}
          onMine={() => void write(question.mine, question.conflict)}
          onClose={() => setQuestion(null)}
        />
      )}
    </div>
  );
}
