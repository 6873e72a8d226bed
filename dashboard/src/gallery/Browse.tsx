// Folders, uploads and dates of the library, with counts; what is chosen becomes the filter.
import { ChevronRight } from "lucide-react";
import { useMemo, useState } from "react";
import { useBatches, useDates, useFolders } from "../api/catalogue";
import { folderOf, formatCount, lastPart, plural, uploadWords } from "../domain/format";
import { matcher } from "../domain/search";
import { takenWords, undated } from "../domain/taken";
import type { Folder, ImageFilter } from "../domain/types";
import { Button, IconButton } from "../ui/Button";
import { Modal } from "../ui/Dialogs";
import { SearchField, Segments, Select } from "../ui/Fields";
import { Loading } from "../ui/States";
import { countBelow, foldersIn, searchFolders, type FolderOrder } from "./folders";
import "./Browse.css";

type Choice = Partial<Pick<ImageFilter, "folder" | "batch" | "taken">>;

interface EntryProps {
  name: string;
  count: number;
  current: boolean;
  className?: string;
  onChoose: () => void;
  onEnter?: (() => void) | undefined;
}

function Entry({ name, count, current, className = "", onChoose, onEnter }: EntryProps) {
  return (
    <li className={className}>
      <button type="button" aria-current={current} onClick={onChoose}>
        <bdi>{name}</bdi>
        <span className="count" aria-label={plural(count, "photo")}>
          {formatCount(count)}
        </span>
      </button>
      {onEnter && <IconButton icon={ChevronRight} label={`Folders in ${name}`} onClick={onEnter} />}
    </li>
  );
}

interface TabProps {
  filter: ImageFilter;
  words: string;
  onChoose: (choice: Choice) => void;
}

const mostShown = 500; // a search finds the others

function Rest({ more }: { more: number }) {
  return more > 0 ? <li className="hint">and {formatCount(more)} more: search for them</li> : null;
}

function Folders({ filter, words, onChoose }: TabProps) {
  const folders = useFolders().data;
  const [at, setAt] = useState(() => folderOf(filter.folder));
  const [order, setOrder] = useState<FolderOrder>("name");
  const counts = useMemo(() => countBelow(folders ?? []), [folders]);
  if (!folders) return <Loading what="folders" shape="rows" />;
  const shown = words ? searchFolders(counts, words, order) : foldersIn(counts, at, order);
  const above =
    at === "" ? [] : at.split("/").map((_, i, parts) => parts.slice(0, i + 1).join("/"));
  return (
    <>
      <div className="browse-head">
        <nav className="browse-path" aria-label="Folders above">
          <Button look="quiet" onClick={() => setAt("")}>
            All folders
          </Button>
          {!words &&
            above.map((path) => (
              <Button key={path} look="quiet" onClick={() => setAt(path)}>
                / <bdi>{lastPart(path)}</bdi>
              </Button>
            ))}
        </nav>
        <span className="spacer" />
        <Select
          label="Order of folders"
          value={order}
          options={[
            { value: "name", label: "By name" },
            { value: "photos", label: "Most photos first" },
          ]}
          onChange={setOrder}
        />
      </div>
      <ul className="browse-list" aria-label="Folders">
        {!words && at !== "" && (
          <Entry
            name={`All of ${lastPart(at)}`}
            count={counts.get(at) ?? 0}
            current={filter.folder === at}
            onChoose={() => onChoose({ folder: at })}
          />
        )}
        {shown.slice(0, mostShown).map(({ folder, count, hasFolders }) => (
          <Entry
            key={folder}
            name={words ? folder : lastPart(folder)}
            count={count}
            current={filter.folder === folder}
            onChoose={() => onChoose({ folder })}
            onEnter={hasFolders && !words ? () => setAt(folder) : undefined}
          />
        ))}
        <Rest more={shown.length - mostShown} />
        {shown.length === 0 && (
          <li className="hint">{words ? "No folder matches." : "No photo has a folder."}</li>
        )}
      </ul>
    </>
  );
}

function Uploads({ filter, words, onChoose }: TabProps) {
  const { data, isError } = useBatches();
  if (isError) return <p className="hint">This server does not list uploads.</p>;
  if (!data) return <Loading what="uploads" shape="rows" />;
  const matches = matcher(words);
  const shown = data.filter(({ batch }) => batch !== "" && matches(batch, uploadWords(batch)));
  return (
    <ul className="browse-list" aria-label="Uploads">
      {shown.slice(0, mostShown).map(({ batch, images }) => (
        <Entry
          key={batch}
          name={uploadWords(batch)}
          count={images}
          current={filter.batch === batch}
          onChoose={() => onChoose({ batch })}
        />
      ))}
      <Rest more={shown.length - mostShown} />
      {shown.length === 0 && (
        <li className="hint">{words ? "No upload matches." : "No uploads to show."}</li>
      )}
    </ul>
  );
}

function DateList({ filter, words, onChoose }: TabProps) {
  const { data, isError } = useDates();
  if (isError) return <p className="hint">This server does not list dates.</p>;
  if (!data) return <Loading what="dates" shape="rows" />;
  const years = new Map<string, Folder[]>();
  for (const { month, images } of data.months) {
    const year = month.slice(0, 4);
    years.set(year, [...(years.get(year) ?? []), { folder: month, images }]);
  }
  const matches = matcher(words);
  const entry = (taken: string, count: number) =>
    matches(takenWords(taken), taken) && (
      <Entry
        key={taken}
        className={taken.length === 7 ? "month" : ""}
        name={taken === undated ? "No date" : takenWords(taken)}
        count={count}
        current={filter.taken === taken}
        onChoose={() => onChoose({ taken })}
      />
    );
  return (
    <ul className="browse-list" aria-label="Dates taken">
      {[...years].flatMap(([year, months]) => [
        entry(
          year,
          months.reduce((sum, { images }) => sum + images, 0),
        ),
        ...months.map(({ folder, images }) => entry(folder, images)),
      ])}
      {data.undated > 0 && entry(undated, data.undated)}
    </ul>
  );
}

type Tab = "folders" | "uploads" | "dates";
const tabs: Record<Tab, (props: TabProps) => React.ReactNode> = {
  folders: Folders,
  uploads: Uploads,
  dates: DateList,
};

interface Props {
  filter: ImageFilter;
  onChoose: (choice: Choice) => void;
  onClose: () => void;
}

export function Browse({ filter, onChoose, onClose }: Props) {
  const [tab, setTab] = useState<Tab>(
    filter.taken ? "dates" : filter.batch ? "uploads" : "folders",
  );
  const [words, setWords] = useState("");
  const Shown = tabs[tab];
  return (
    <Modal open onClose={onClose} title="Browse photos">
      <div className="browse-body">
        <div className="browse-head">
          <Segments<Tab>
            label="Browse by"
            value={tab}
            options={[
              { value: "folders", label: "Folders" },
              { value: "uploads", label: "Uploads" },
              { value: "dates", label: "Dates" },
            ]}
            onChange={(to) => {
              setTab(to);
              setWords("");
            }}
          />
          <SearchField label={`Search ${tab}`} value={words} onChange={setWords} />
        </div>
        <Shown
          key={tab}
          filter={filter}
          words={words.trim()}
          onChoose={(choice) => {
            onChoose(choice);
            onClose();
          }}
        />
      </div>
    </Modal>
  );
}
