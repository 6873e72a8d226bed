import { Images, Sparkles, Trash2, X } from "lucide-react";
import { formatCount, plural } from "../domain/format";
import { navigate } from "../state/router";
import { clearSelection } from "../state/selection";
import { Button, IconButton } from "../ui/Button";
import "./SelectionBar.css";

interface Props {
  total: number; // selected photos, also those of other pages
  here: number; // of this job
  onDelete: () => void;
}

// What can be done with the photos that are selected.
export function SelectionBar({ total, here, onDelete }: Props) {
  return (
    <div className="chosen-bar" role="group" aria-label="Selected photos">
      <IconButton icon={X} label="Clear the selection" onClick={clearSelection} />
      <strong role="status">
        {plural(total, "photo")} selected
        {here < total && `, ${formatCount(here)} in this job`}
      </strong>
      <span className="spacer" />
      <Button icon={Images} onClick={() => navigate("/")}>
        Show in Photos
      </Button>
      <Button icon={Trash2} onClick={onDelete}>
        Delete{here < total && ` ${formatCount(here)}`}
      </Button>
      <Button look="primary" icon={Sparkles} onClick={() => navigate("/new")}>
        Classify
      </Button>
    </div>
  );
}
