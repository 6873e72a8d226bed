import { ScanSearch, Sparkles, Trash2, X } from "lucide-react";
import { formatCount, plural } from "../domain/format";
import { likePath } from "../state/filterView";
import { navigate } from "../state/router";
import { clearSelection, mostKeys, ruleWords, type Selection } from "../state/selection";
import { Button, IconButton } from "../ui/Button";
import "./SelectionBar.css";

interface Props {
  selected: Selection;
  total: number; // photos shown
  count: number | undefined; // photos that the rule admits
  canSearch: boolean; // by what photos show
  onAll?: () => void;
  onDelete: () => void;
}

export function SelectionBar({ selected, total, count, canSearch, onAll, onDelete }: Props) {
  const { keys, rule } = selected;
  const [first] = keys;
  return (
    <div className="selection-bar" role="group" aria-label="Selection">
      <IconButton icon={X} label="Clear" onClick={clearSelection} />
      <strong role="status">
        {rule ? `Selected: ${ruleWords(rule, count)}` : `${plural(keys.size, "photo")} selected`}
      </strong>
      {!rule && onAll && (
        <Button look="quiet" disabled={total === 0} onClick={onAll}>
          Select all {formatCount(total)}
        </Button>
      )}
      <span className="spacer" />
      {canSearch && keys.size === 1 && first !== undefined && (
        <Button icon={ScanSearch} onClick={() => navigate(likePath(first))}>
          More like this
        </Button>
      )}
      {rule ? (
        <span className="hint">
          Only photos that you have chosen yourself can be deleted, up to {formatCount(mostKeys)}.
        </span>
      ) : (
        <Button icon={Trash2} onClick={onDelete}>
          Delete
        </Button>
      )}
      <Button look="primary" icon={Sparkles} onClick={() => navigate("/new")}>
        Classify
      </Button>
    </div>
  );
}
