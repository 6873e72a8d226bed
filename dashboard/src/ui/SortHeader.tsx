import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";

interface Props {
  title: string;
  sorted: false | "asc" | "desc";
  onSort: () => void;
  className?: string;
}

// The header of a sortable column.
export function SortHeader({ title, sorted, onSort, className = "" }: Props) {
  const Icon = sorted === "asc" ? ArrowUp : sorted === "desc" ? ArrowDown : ChevronsUpDown;
  return (
    <th
      scope="col"
      className={className}
      aria-sort={sorted ? (sorted === "asc" ? "ascending" : "descending") : "none"}
    >
      <button type="button" onClick={onSort}>
        {title}
        <Icon size={14} aria-hidden className={sorted ? "" : "faint"} />
      </button>
    </th>
  );
}
