import { Copy, SearchX, Trash2, TriangleAlert, X } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { sentenceOf } from "../api/client";
import { useIndex } from "../api/search";
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
import { shownBy, type By } from "./finding";
import { ByChoice, IndexLine, LikeLine, NearestLine, NothingFound } from "./Finding";
import { GalleryPreview } from "./GalleryPreview";
import { Grid, type GridHandle } from "./Grid";
import { indexNear, limitedTo, placeOf, type Library, type Opened, type Spot } from "./library";
import { SelectionBar } from "./SelectionBar";
import { Toolbar } from "./Toolbar";
import { useDeleting } from "./useDeleting";
import { useFound } from "./useFound";
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

const smallLibrary = 2_000;
const searchAfterMs = 100;
const longestSearch = 250; // characters; the server takes up to 1,000 bytes

export function GalleryPage() {
  const selected = useStore(selection);
  const [view, setView] = useView(galleryView);
  const { q: text, folder, batch, taken, order, by: wantedBy, like, job, label, at, photo } = view;
  const q = useDebounced(text.trim().slice(0, longestSearch), searchAfterMs);
  const wanted = useMemo(
    () => ({ order, q, folder, batch, taken }),
    [order, q, folder, batch, taken],
  );

  const labels = useLabels(job);
  const { trash, remove, dialog } = useDeleting();
  const [activeSpot, setActiveSpot] = useState<Spot>({ key: "", index: 0 });
  const anchor = useRef<Spot | null>(null);
  const grid = useRef<GridHandle>(null);

  const { filter, catalogue, stored, complete, error, refetch, ...state } = useLibrary(
    wanted,
    at ?? -1,
  );
  const index = useIndex();
  const canSearch = Boolean(index.data);
  const possible = index.isPending ? undefined : canSearch;
  const byContent = useFound(q, like, wanted, possible);
  const named = filter === wanted ? state.library?.total : undefined;
  const decided = shownBy({
    q,
    like,
    wanted: wantedBy,
    possible,
    named,
  });
  const [lastBy, setLastBy] = useState<By>("name");
  if (decided !== undefined && decided !== lastBy) setLastBy(decided);
  const by = decided ?? lastBy;
  // An empty list would close the open photo, so it is shown only when it is decided on.
  const byName = decided === undefined && named === 0 ? undefined : state.library;
  const found = by === "content" ? byContent.library : byName;
  const list = `${like} ${by}`;
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
  useRememberedScroll(library !== undefined && library.total > 0, like);

  // Photos come and go, so a place is valid for this list only.
  const active = library ? indexNear(library, activeSpot) : 0;
  const open = useOpenPhoto(library, at, photo);
  const spot = (index: number): Spot => ({ key: library?.at(index)?.key ?? "", index });
  const setActive = (index: number) => setActiveSpot(spot(index));
  const placeIn = (index: number) => ({ at: index, photo: library?.at(index)?.key ?? "" });
  // In an address that is opened again, the photo is in the same list.
  const openAt = (index: number) =>
    openLayer(writeView(galleryView, { ...placeIn(index), ...(q === "" ? {} : { by }) }));

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
  const looked = useRef<{ index: number; list: string } | null>(null);
  useEffect(() => {
    if (openIndex !== undefined) looked.current = { index: openIndex, list };
    else if (looked.current !== null && at === undefined) {
      if (looked.current.list === list) grid.current?.show(looked.current.index);
      looked.current = null;
    }
  }, [openIndex, at, list]);

  const change = (changes: Partial<typeof view>) => {
    setView(changes);
    anchor.current = null;
    if (window.scrollY > 0) window.scrollTo(0, 0);
  };

  const isSelected = ({ key }: StoredImage): boolean =>
    selected.rule
      ? by === "content"
        ? Boolean(selected.rule.all)
        : covers(selected.rule, filter)
      : selected.keys.has(key);

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
    if (catalogue && by === "name" && !limited && library.total > mostKeys)
      selectRule(ruleOf(filter));
    else void chooseKeys(0, library.total);
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
  const searched = by === "content";
  const isPart = searched || isFiltered(filter) || limited;
  const { rule } = selected;
  const ruleCount = rule?.all
    ? stored
    : rule && !searched && covers(rule, filter)
      ? total
      : undefined;
  const listed = complete ? "" : ", loading more…";
  const selecting = !isEmpty(selected);
  const showAll = () =>
    change({ q: "", by: "", like: "", label: "", folder: "", batch: "", taken: "" });
  const ready = state.library !== undefined && stored > 0;
  const filterBy = (changes: Partial<ImageFilter>) => {
    if (changes.q === undefined) change(changes);
    else change({ ...changes, like: "", ...(changes.q.trim() === "" ? { by: "" } : {}) });
  };
  const searchError = byContent.error ?? index.error;
  const nothing = searched ? (
    <NothingFound
      like={like}
      possible={possible}
      error={searchError}
      filtered={isFiltered({ ...wanted, q: "" })}
      onRetry={refetch}
      onAll={showAll}
    />
  ) : (
    <EmptyState
      icon={SearchX}
      title="No photo matches"
      actions={<Button onClick={showAll}>Show all photos</Button>}
    >
      <p>None of the {plural(stored, "photo")} matches these filters.</p>
      {index.error && q !== "" && (
        <p>They cannot be found by what they show: {sentenceOf(index.error)}</p>
      )}
    </EmptyState>
  );
  const unfound = searched && !library && (searchError !== null || byContent.impossible);
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Photos</h1>
          <p className="page-sub" role="status">
            {stored > 0 && library
              ? searched
                ? `${plural(total, "photo")}, best first`
                : `${isPart ? `${formatCount(total)} of ` : ""}${plural(stored, "photo")} stored${listed}`
              : "\u00a0"}
          </p>
        </div>
        <div className="buttons">
          {/* Without a model, identical files are found still. */}
          {(canSearch || index.isError) && stored > 0 && (
            <Link href="/duplicate-photos" className="button quiet trash-link">
              <Copy size={16} aria-hidden />
              <span>Duplicates</span>
            </Link>
          )}
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
      {!error && (!state.library || (stored === 0 && !complete)) && (
        <Loading what="photos" shape="grid" />
      )}
      {!state.library && error && <ErrorState error={error} onRetry={refetch} />}
      {empty && <Welcome />}
      {ready && (
        <>
          <div className="toolbar sticky">
            <Toolbar
              filter={{ order, q: text, folder, batch, taken }}
              catalogue={catalogue}
              canSearch={canSearch}
              ordered={!searched}
              labels={{ job, label, labels, small }}
              onFilter={filterBy}
              onLabels={change}
              all={
                selecting || total === 0
                  ? ""
                  : `Select all${isPart ? ` ${formatCount(total)}` : ""}`
              }
              onAll={chooseAll}
            />
          </div>
          {(like !== "" || (q !== "" && canSearch)) && (
            <div className="finding">
              {like !== "" ? (
                <LikeLine like={like} />
              ) : (
                <ByChoice by={by} named={named} onChange={(to) => change({ by: to })} />
              )}
              {byContent.onlyNearest && by === "content" && <NearestLine />}
              {canSearch && <IndexLine />}
            </div>
          )}
          {!library && !unfound && <Loading what="photos" shape="grid" />}
          {(unfound || (library && total === 0)) && nothing}
          {library && total > 0 && (
            <div className={searched && byContent.waiting ? "waiting" : ""}>
              <Grid
                handle={grid}
                library={library}
                isSelected={isSelected}
                selecting={selecting}
                labels={labels}
                whereabouts={searched ? () => "" : whereabouts[filter.order]}
                active={active}
                onActive={setActive}
                onToggle={choose}
                onRange={chooseRange}
                onAll={chooseAll}
                onNone={clearSelection}
                onOpen={openAt}
                onDelete={() => remove([...selected.keys])}
              />
            </div>
          )}
          {searched && byContent.onMore && (
            <div className="more">
              <Button busy={byContent.waiting} onClick={byContent.onMore}>
                Show more
              </Button>
            </div>
          )}
          {/* Below, so that nothing moves under the finger that has just selected. */}
          {selecting && (
            <SelectionBar
              selected={selected}
              total={total}
              count={ruleCount}
              canSearch={canSearch}
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
      {dialog}
    </>
  );
}
