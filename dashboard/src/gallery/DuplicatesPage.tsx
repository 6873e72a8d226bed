import { Columns2, Copy, CopyCheck } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { useSummary } from "../api/catalogue";
import { ApiError } from "../api/client";
import { useDuplicates } from "../api/search";
import { formatBytes, lastPart, nameOf, plural } from "../domain/format";
import type { DuplicateGroup, DuplicateImage } from "../domain/types";
import { Link, useRememberedScroll, useView } from "../state/router";
import { selection } from "../state/selection";
import { useStore } from "../state/store";
import { oneOf } from "../state/view";
import { Button } from "../ui/Button";
import { Segments } from "../ui/Fields";
import { Thumbnail } from "../ui/Picture";
import { selectPhotos, togglePhoto } from "../ui/selecting";
import { EmptyState, ErrorState } from "../ui/States";
import { gridOf, resultLayout, useWindowRows } from "../ui/windowRows";
import { bestWords, kindWords, sizeWords, spareKeys } from "./duplicates";
import { IndexLine } from "./Finding";
import { SelectionBar } from "./SelectionBar";
import { SideBySide } from "./SideBySide";
import { useDeleting } from "./useDeleting";
import "./DuplicatesPage.css";

const levels = ["same", "very", "rather"] as const;
type Level = (typeof levels)[number];
const similarityOf: Record<Level, number> = { same: 0.99, very: 0.95, rather: 0.9 };
const duplicatesView = { alike: oneOf(levels, "very") };

const captionHeight = 46; // pixels: the name, and the size
const spaceBelow = 20;

interface CopyProps {
  image: DuplicateImage;
  best: boolean;
  selected: boolean;
  onOpen: () => void;
}

function OneCopy({ image, best, selected, onOpen }: CopyProps) {
  const name = nameOf(image);
  const size = sizeWords(image);
  return (
    <li className={`copy ${best ? "best" : ""}`}>
      <button type="button" aria-label={`Compare ${name}`} onClick={onOpen}>
        <Thumbnail image={image.key} size={320} />
      </button>
      {best && <strong className="copy-best">Best</strong>}
      <input
        type="checkbox"
        aria-label={`Select ${name}, ${size}`}
        checked={selected}
        onChange={() => togglePhoto(image.key)}
      />
      <bdi className="copy-name" dir="auto" title={name}>
        {lastPart(name)}
      </bdi>
      <span className="copy-size" title={size}>
        {size}
      </span>
    </li>
  );
}

interface Pair {
  group: DuplicateGroup;
  at: number; // of the photo beside the best
}

interface GroupsProps {
  groups: readonly DuplicateGroup[];
  keys: ReadonlySet<string>; // selected
  onCompare: (pair: Pair) => void;
}

function Groups({ groups, keys, onCompare }: GroupsProps) {
  const rowsFor = useCallback(
    (width: number) => {
      const { columns, rowHeight } = gridOf(width, { ...resultLayout(), caption: captionHeight });
      const head = width < 620 ? 120 : 56;
      return {
        count: groups.length,
        height: (index: number) =>
          head + Math.ceil((groups[index]?.images.length ?? 0) / columns) * rowHeight + spaceBelow,
      };
    },
    [groups],
  );
  const { ref, width, top, virtualizer } = useWindowRows(rowsFor);
  const { columns, tile } = gridOf(width, { ...resultLayout(), caption: captionHeight });
  return (
    <div ref={ref} className="grid-frame" style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map((row) => {
        const group = groups[row.index];
        const [best] = group?.images ?? [];
        if (!group || !best) return null;
        return (
          <section
            key={best.key}
            className="copies"
            aria-label={`Like ${nameOf(best)}`}
            style={{ height: row.size, transform: `translateY(${row.start - top}px)` }}
          >
            <header>
              <h2>{kindWords(group)}</h2>
              <p className="hint">{bestWords(group)}</p>
              <span className="buttons">
                <Button icon={Columns2} onClick={() => onCompare({ group, at: 1 })}>
                  Compare
                </Button>
                <Button icon={CopyCheck} onClick={() => selectPhotos(spareKeys([group]), true)}>
                  Select all but the best
                </Button>
              </span>
            </header>
            <ul style={{ gridTemplateColumns: `repeat(${columns}, ${tile}px)` }}>
              {group.images.map((image, i) => (
                <OneCopy
                  key={image.key}
                  image={image}
                  best={i === 0}
                  selected={keys.has(image.key)}
                  onOpen={() => onCompare({ group, at: Math.max(1, i) })}
                />
              ))}
            </ul>
          </section>
        );
      })}
    </div>
  );
}

function NoDuplicates({ level }: { level: Level }) {
  return (
    <EmptyState
      icon={Copy}
      title="No duplicates"
      actions={
        <Link href="/" className="button primary">
          Go to photos
        </Link>
      }
    >
      <p>
        {level === "rather"
          ? "No two photos are the same picture."
          : "Choose “Rather alike” to find more."}
      </p>
    </EmptyState>
  );
}

const cannotLook = (error: Error): boolean =>
  error instanceof ApiError && [404, 405, 422].includes(error.status);

// Photos that are the same picture: what can be freed, and which one of them to keep.
export function DuplicatesPage() {
  const [{ alike }, setView] = useView(duplicatesView);
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useDuplicates(similarityOf[alike]);
  useSummary(); // what changes in the store changes the groups
  const { keys } = useStore(selection);
  const { remove, dialog } = useDeleting();
  const [pair, setPair] = useState<Pair | null>(null);
  const groups = useMemo(() => data?.pages.flatMap((page) => page.groups) ?? [], [data]);
  const total = hasNextPage ? (data?.pages[0]?.total ?? 0) : groups.length;
  useRememberedScroll(groups.length > 0);
  // Nothing is deleted from here that is not shown here.
  const chosen = useMemo(
    () =>
      new Set(
        groups.flatMap(({ images }) => images.map(({ key }) => key).filter((key) => keys.has(key))),
      ),
    [groups, keys],
  );
  const spare = useMemo(() => spareKeys(groups), [groups]);
  const bytes = useMemo(
    () => groups.flatMap(({ images }) => images.slice(1)).reduce((sum, { size }) => sum + size, 0),
    [groups],
  );
  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Duplicates</h1>
          <p className="page-sub" role="status">
            {data && total > 0
              ? `${plural(total, "group")}${hasNextPage ? "" : `, ${formatBytes(bytes)} in copies`}`
              : "\u00a0"}
          </p>
        </div>
      </header>
      <div className="toolbar">
        <Segments<Level>
          label="How alike"
          value={alike}
          options={[
            { value: "same", label: "Identical" },
            { value: "very", label: "Very alike" },
            { value: "rather", label: "Rather alike" },
          ]}
          onChange={(to) => setView({ alike: to })}
        />
        <span className="spacer" />
        {groups.length > 1 && (
          <Button icon={CopyCheck} onClick={() => selectPhotos(spare, true)}>
            Select all but the best of {plural(groups.length, "group")}
          </Button>
        )}
      </div>
      <div className="finding">
        <IndexLine />
      </div>
      {isPending && (
        <div role="status">
          <EmptyState icon={Copy} title="Looking for duplicates…">
            <p>With many photos this takes a while.</p>
          </EmptyState>
        </div>
      )}
      {error && !data && cannotLook(error) && (
        <EmptyState icon={Copy} title="No duplicates">
          <p>This server cannot look for duplicates.</p>
        </EmptyState>
      )}
      {error && !data && !cannotLook(error) && (
        <ErrorState error={error} onRetry={() => void refetch()} />
      )}
      {data && groups.length === 0 && !hasNextPage && <NoDuplicates level={alike} />}
      {groups.length > 0 && <Groups groups={groups} keys={keys} onCompare={setPair} />}
      {hasNextPage && (
        <div className="more">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load more
          </Button>
        </div>
      )}
      {chosen.size > 0 && (
        <SelectionBar
          selected={{ keys: chosen, rule: null }}
          total={groups.length}
          count={undefined}
          canSearch={false}
          onDelete={() => remove([...chosen])}
        />
      )}
      {pair && (
        <SideBySide
          group={pair.group}
          at={pair.at}
          keys={keys}
          onAt={(at) => setPair({ ...pair, at })}
          onClose={() => setPair(null)}
        />
      )}
      {dialog}
    </>
  );
}
