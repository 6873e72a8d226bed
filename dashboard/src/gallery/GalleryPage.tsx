import { useQueryClient } from "@tanstack/react-query";
import { SearchX, Trash2, TriangleAlert, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { sentenceOf } from "../api/client";
import { useTrash } from "../api/trash";
import { formatBytes, formatCount, formatDay, nameOf, plural } from "../domain/format";
import type { ImageFilter, Order, StoredImage } from "../domain/types";
import {
  closeLayer,
  Link,
  openLayer,
  setQuery,
  useRememberedScroll,
  useView,
} from "../state/router";
import {
  clearSelection,
  covers,
  isEmpty,
  mostKeys,
  ruleOf,
  selection,
  selectRule,
  withKeys,
} from "../state/selection";
import { useStore } from "../state/store";
import { writeView } from "../state/view";
import { Button, IconButton } from "../ui/Button";
import { EmptyState, ErrorState, Loading, Notice } from "../ui/States";
import { tellProblem } from "../ui/toast";
import { togglePhoto } from "../ui/selecting";
import { useDebounced } from "../ui/useDebounced";
import { unfinished } from "../upload/uploads";
import { UploadButtons } from "../upload/UploadButtons";
import { DeleteDialog } from "../ui/DeleteDialog";
import { removePhotos } from "../ui/deletion";
import { GalleryPreview } from "./GalleryPreview";
import { Grid, type GridHandle } from "./Grid";
import { indexNear, limitedTo, placeOf, type Library, type Opened, type Spot } from "./library";
import { SelectionBar } from "./SelectionBar";
import { Toolbar } from "./Toolbar";
import { useLabels } from "./useLabels";
import { useLibrary } from "./useLibrary";
import { galleryView } from "./view";
import { Welcome } from "./Welcome";

function Unfinished() {
  const left = useStore(unfinished);
  if (!left) return null;
  return (
    <Notice
      icon={TriangleAlert}
      tone="warning"
      action={<IconButton icon={X} label="Dismiss" onClick={() => unfinished.set(null)} />}
    >
      <strong>The last upload was interrupted.</strong> {formatCount(left.done)} of{" "}
      {plural(left.total, "photo")} are stored. Choose the same photos or folder again: those
      already stored are skipped.
    </Notice>
  );
}

// Where one is in the list, shown while scrolling.
const whereabouts: Record<Order, (image: StoredImage) => string> = {
  newest: ({ uploaded_at, last_modified }) => formatDay(uploaded_at ?? last_modified),
  oldest: ({ uploaded_at, last_modified }) => formatDay(uploaded_at ?? last_modified),
  name: nameOf, // cut by the style
  taken: ({ taken_at }) => (taken_at ? formatDay(taken_at) : "No date"),
  size: ({ size }) => formatBytes(size),
};

const isFiltered = ({ q, folder, batch, taken }: ImageFilter): boolean =>
  [q, folder, batch, taken].some((each) => each !== "");

const notOpen = writeView(galleryView, { at: undefined, photo: "" });

// The open photo in this list; undefined where none is open, or it is gone. It stays the same photo while
// others come and go.
function useOpenPhoto(
  library: Library | undefined,
  at: number | undefined,
  photo: string,
): Opened | undefined {
  const [last, setLast] = useState<StoredImage | undefined>(undefined);
  if (!library || at === undefined) return undefined;
  const there = library.at(at);
  // From a link or a reload, where it is not in the window at that place.
  const unknown = photo === "" ? there : { key: photo, size: 0, last_modified: "" };
  const image = there?.key === photo ? there : last?.key === photo ? last : unknown;
  const open = placeOf(library, { index: at, image });
  if (open?.image && open.image !== last) setLast(open.image);
  return open;
}

const unknownTrash = "The server has not said yet whether it has a trash. Try again.";
const fewPhotos = 50;
const smallLibrary = 2_000;
const searchAfterMs = 150;
const longestSearch = 250; // characters; the server takes up to 1,000 bytes

export function GalleryPage() {
  const client = useQueryClient();
  const selected = useStore(selection);
  const [view, setView] = useView(galleryView);
  const { q: text, folder, batch, taken, order, job, label, at, photo } = view;
  const q = useDebounced(text.trim().slice(0, longestSearch), searchAfterMs);
  const wanted = useMemo(
    () => ({ order, q, folder, batch, taken }),
    [order, q, folder, batch, taken],
  );

  const labels = useLabels(job);
  const trashState = useTrash();
  const trash = trashState.data;
  const [activeSpot, setActiveSpot] = useState<Spot>({ key: "", index: 0 });
  const [deleting, setDeleting] = useState<readonly string[] | null>(null);
  const anchor = useRef<Spot | null>(null);
  const grid = useRef<GridHandle>(null);

  const { filter, catalogue, stored, complete, error, refetch, ...state } = useLibrary(
    wanted,
    at ?? -1,
  );
  const found = state.library;
  const small = found !== undefined && (!catalogue || found.total <= smallLibrary);
  const limited = labels !== undefined && label !== "" && small;
  useEffect(() => {
    if (limited) found.ensure(0, found.total - 1);
  }, [limited, found]);
  const library = useMemo(() => {
    if (!found || !limited) return found;
    return limitedTo(
      found,
      new Set([...labels].filter(([, each]) => each === label).map(([key]) => key)),
    );
  }, [found, limited, labels, label]);
  useRememberedScroll(library !== undefined && library.total > 0);

  // Photos come and go, so a place is valid for this list only.
  const active = library ? indexNear(library, activeSpot) : 0;
  const open = useOpenPhoto(library, at, photo);
  const spot = (index: number): Spot => ({ key: library?.at(index)?.key ?? "", index });
  const setActive = (index: number) => setActiveSpot(spot(index));
  const placeIn = (index: number) => ({ at: index, photo: library?.at(index)?.key ?? "" });

  // The address follows the photo, and the preview of a photo that is gone closes.
  const openIndex = open?.index;
  const openKey = open?.image?.key ?? "";
  useEffect(() => {
    if (!library || at === undefined) return;
    if (openIndex === undefined) closeLayer(notOpen);
    else if (openIndex !== at || (openKey !== photo && openKey !== ""))
      setQuery(writeView(galleryView, { at: openIndex, photo: openKey }));
  }, [library, at, photo, openIndex, openKey]);

  // Closed, however that came about: back to the photo that was looked at.
  const looked = useRef<number | null>(null);
  useEffect(() => {
    if (openIndex !== undefined) looked.current = openIndex;
    else if (looked.current !== null && at === undefined) {
      grid.current?.show(looked.current);
      looked.current = null;
    }
  }, [openIndex, at]);

  const change = (changes: Partial<typeof view>) => {
    setView(changes);
    anchor.current = null;
    if (window.scrollY > 0) window.scrollTo(0, 0);
  };

  const isSelected = ({ key }: StoredImage): boolean =>
    selected.rule ? covers(selected.rule, filter) : selected.keys.has(key);

  const choose = (index: number) => {
    const key = library?.at(index)?.key;
    if (key === undefined) return;
    anchor.current = { key, index };
    togglePhoto(key);
  };

  const chooseKeys = async (from: number, to: number) => {
    if (!library) return;
    if (catalogue && to - from > mostKeys) {
      tellProblem(
        "The range is too long",
        `A range has up to ${plural(mostKeys, "photo")}. “Select all” has no limit.`,
      );
      return;
    }
    try {
      const keys = library.keys(from, to);
      const known = Array.isArray(keys) ? keys : await keys;
      selection.set((now) => withKeys(now, known));
    } catch (problem) {
      tellProblem("The photos were not selected", sentenceOf(problem));
    }
  };
  const chooseRange = (index: number) => {
    if (!library) return;
    anchor.current ??= spot(active);
    const from = indexNear(library, anchor.current);
    void chooseKeys(Math.min(from, index), Math.max(from, index) + 1);
  };
  const chooseAll = () => {
    if (!library) return;
    if (catalogue && !limited && library.total > mostKeys) selectRule(ruleOf(filter));
    else void chooseKeys(0, library.total);
  };

  // A few photos that can be restored need no question.
  const remove = (keys: readonly string[]) => {
    if (keys.length === 0) return;
    if (trash === undefined) {
      tellProblem("Nothing was deleted", sentenceOf(trashState.error ?? new Error(unknownTrash)));
      void trashState.refetch();
    } else if (trash !== null && keys.length <= fewPhotos)
      void removePhotos(client, keys, true, () => undefined);
    else setDeleting(keys);
  };

  // The photo that takes its place is shown next; without one the preview closes.
  const removeOpen = () => {
    if (openKey === "" || !open) return;
    remove([openKey]);
    if (typeof trash !== "number") return;
    if (open.index + 1 < total)
      setView({ at: open.index, photo: library?.at(open.index + 1)?.key ?? "" });
    else closeLayer(notOpen);
  };

  const empty = library !== undefined && stored === 0 && complete;
  const total = library?.total ?? 0;
  const isPart = isFiltered(filter) || limited;
  const { rule } = selected;
  const ruleCount = rule?.all ? stored : rule && covers(rule, filter) ? total : undefined;
  const listed = complete ? "" : ", loading more…";
  const selecting = !isEmpty(selected);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Photos</h1>
          <p className="page-sub" role="status">
            {stored > 0 && library
              ? `${isPart ? `${formatCount(total)} of ` : ""}${plural(stored, "photo")} stored${listed}`
              : "\u00a0"}
          </p>
        </div>
        <div className="buttons">
          {typeof trash === "number" && (
            <Link href="/deleted" className="button quiet trash-link">
              <Trash2 size={16} aria-hidden />
              <span>Trash{trash > 0 && ` (${formatCount(trash)})`}</span>
            </Link>
          )}
          {stored > 0 && <UploadButtons />}
        </div>
      </header>
      <Unfinished />
      {!error && (!library || (stored === 0 && !complete)) && (
        <Loading what="photos" shape="grid" />
      )}
      {!library && error && <ErrorState error={error} onRetry={refetch} />}
      {empty && <Welcome />}
      {library && stored > 0 && (
        <>
          <div className="toolbar sticky">
            <Toolbar
              filter={{ order, q: text, folder, batch, taken }}
              catalogue={catalogue}
              labels={{ job, label, labels, small }}
              onFilter={change}
              onLabels={change}
              all={
                selecting || total === 0
                  ? ""
                  : `Select all${isPart ? ` ${formatCount(total)}` : ""}`
              }
              onAll={chooseAll}
            />
          </div>
          {total === 0 ? (
            <EmptyState
              icon={SearchX}
              title="No photo matches"
              actions={
                <Button
                  onClick={() => change({ q: "", label: "", folder: "", batch: "", taken: "" })}
                >
                  Show all photos
                </Button>
              }
            >
              <p>None of the {plural(stored, "photo")} matches these filters.</p>
            </EmptyState>
          ) : (
            <Grid
              handle={grid}
              library={library}
              isSelected={isSelected}
              selecting={selecting}
              labels={labels}
              whereabouts={whereabouts[filter.order]}
              active={active}
              onActive={setActive}
              onToggle={choose}
              onRange={chooseRange}
              onAll={chooseAll}
              onNone={clearSelection}
              onOpen={(index) => openLayer(writeView(galleryView, placeIn(index)))}
              onDelete={() => remove([...selected.keys])}
            />
          )}
          {/* Below, so that nothing moves under the finger that has just selected. */}
          {selecting && (
            <SelectionBar
              selected={selected}
              total={total}
              count={ruleCount}
              onAll={chooseAll}
              onDelete={() => remove([...selected.keys])}
            />
          )}
        </>
      )}
      {open && (
        <GalleryPreview
          image={open.image}
          index={open.index}
          count={total}
          job={job}
          selected={open.image !== undefined && isSelected(open.image)}
          onToggle={() => choose(open.index)}
          onIndex={(index) => setView(placeIn(index))}
          onDelete={removeOpen}
          onClose={() => closeLayer(notOpen)}
        />
      )}
      {deleting && (
        <DeleteDialog keys={deleting} trash={trash !== null} onClose={() => setDeleting(null)} />
      )}
    </>
  );
}
