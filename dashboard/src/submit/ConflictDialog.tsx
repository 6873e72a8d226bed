import type { LabelSet } from "../state/labelSets";
import { Button } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import type { ShownSet } from "./sets";
import "./ConflictDialog.css";

function Categories({ title, labels }: { title: string; labels: readonly string[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <ul className="chips plain">
        {labels.map((label) => (
          <li key={label} className="chip">
            <bdi>{label}</bdi>
          </li>
        ))}
      </ul>
    </section>
  );
}

// Somebody else changed or deleted a set that is to be saved.
export function ConflictDialog({
  mine,
  theirs,
  onTheirs,
  onMine,
  onClose,
}: {
  mine: LabelSet;
  theirs: ShownSet | undefined;
  onTheirs: () => void;
  onMine: () => void;
  onClose: () => void;
}) {
  return (
    <Modal
      open
      onClose={onClose}
      title={`Somebody has ${theirs ? "changed" : "deleted"} “${mine.name}” meanwhile`}
    >
      <div className="modal-text conflict">
        {theirs && <Categories title="Saved by them" labels={theirs.labels} />}
        <Categories title="Yours" labels={mine.labels} />
      </div>
      <footer className="modal-foot">
        <Button onClick={onTheirs}>{theirs ? "Use theirs" : "Leave it deleted"}</Button>
        <Button look="primary" onClick={onMine}>
          {theirs ? "Replace with yours" : "Save yours again"}
        </Button>
      </footer>
    </Modal>
  );
}
