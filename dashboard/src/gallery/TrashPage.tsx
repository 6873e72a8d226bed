import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { ArchiveRestore, Trash2 } from "lucide-react";
import { useCallback, useState } from "react";
import { emptyTrash, getTrash, sentenceOf } from "../api/client";
import { refreshTrash, trashKey } from "../api/trash";
import { formatBytes, formatDay, lastPart, nameOf, plural } from "../domain/format";
import type { TrashedImage } from "../domain/types";
import { Link } from "../state/router";
import { Button } from "../ui/Button";
import { Confirm } from "../ui/Dialogs";
import { Thumbnail } from "../ui/Picture";
import { EmptyState, ErrorState, Loading } from "../ui/States";
import { tell, tellProblem } from "../ui/toast";
import { gridOf, resultLayout, useWindowRows } from "../ui/windowRows";
import { takeBack } from "../ui/deletion";
import "./TrashPage.css";

const photosAtOnce = 200;

function Tiles({
  images,
  chosen,
  onToggle,
}: {
  images: readonly TrashedImage[];
  chosen: ReadonlySet<string>;
  onToggle: (key: string) => void;
}) {
  const rowsFor = useCallback(
    (width: number) => {
      const { columns, rowHeight } = gridOf(width, resultLayout());
      return { count: Math.ceil(images.length / columns), height: () => rowHeight };
    },
    [images.length],
  );
  const { ref, width, top, virtualizer } = useWindowRows(rowsFor);
  const { columns, tile } = gridOf(width, resultLayout());
  return (
    <div ref={ref} className="grid-frame" style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map((row) => (
        <div
          key={row.key}
          className="grid-row"
          style={{
            height: row.size,
            transform: `translateY(${row.start - top}px)`,
            gridTemplateColumns: `repeat(${columns}, ${tile}px)`,
          }}
        >
          {images.slice(row.index * columns, (row.index + 1) * columns).map((image) => {
            const name = nameOf(image);
            return (
              <label key={image.key} className="trashed" title={name}>
                <Thumbnail image={image.key} trashed />
                <input
                  type="checkbox"
                  aria-label={`${name}, ${formatBytes(image.size)}, kept until ${formatDay(image.expires_at)}`}
                  checked={chosen.has(image.key)}
                  onChange={() => onToggle(image.key)}
                />
                <bdi className="tile-caption" dir="auto">
                  {lastPart(name)}
                </bdi>
              </label>
            );
          })}
        </div>
      ))}
    </div>
  );
}

// Deleted photos, until they are deleted for good.
export function TrashPage() {
  const client = useQueryClient();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } =
    useInfiniteQuery({
      queryKey: [...trashKey, "all"],
      queryFn: ({ pageParam, signal }) => getTrash(pageParam, photosAtOnce, signal),
      initialPageParam: "",
      getNextPageParam: (page) => page.next_token,
    });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);

  const images = data?.pages.flatMap((page) => page.images) ?? [];
  const total = data?.pages.at(-1)?.total ?? images.length;
  const keys = images.map(({ key }) => key).filter((key) => chosen.has(key));

  const toggle = (key: string) => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    setChosen(next);
  };
  const restore = async () => {
    setBusy(true);
    await takeBack(client, keys);
    setChosen(new Set());
    setBusy(false);
  };
  const empty = async () => {
    setBusy(true);
    try {
      const { deleted } = await emptyTrash();
      tell(`${plural(deleted, "photo")} deleted for good`);
    } catch (problem) {
      tellProblem("The trash was not emptied", sentenceOf(problem));
    }
    refreshTrash(client);
    setBusy(false);
    setAsking(false);
  };

  return (
    <>
      <header className="page-head">
        <div>
          <h1 tabIndex={-1}>Trash</h1>
          <p className="page-sub" role="status">
            {data
              ? `${plural(total, "photo")}. Each is deleted for good after some time.`
              : "\u00a0"}
          </p>
        </div>
        <div className="buttons">
          <Button
            icon={ArchiveRestore}
            busy={busy}
            disabled={keys.length === 0}
            onClick={() => void restore()}
          >
            {keys.length > 0 ? `Restore ${plural(keys.length, "photo")}` : "Restore"}
          </Button>
          <Button icon={Trash2} disabled={busy || total === 0} onClick={() => setAsking(true)}>
            Empty the trash
          </Button>
        </div>
      </header>
      {isPending && <Loading what="the trash" shape="grid" />}
      {error && !data && <ErrorState error={error} onRetry={() => void refetch()} />}
      {data && total === 0 && (
        <EmptyState
          icon={Trash2}
          title="The trash is empty"
          actions={
            <Link href="/" className="button primary">
              Go to photos
            </Link>
          }
        >
          <p>Photos that you delete stay here for some time.</p>
        </EmptyState>
      )}
      {images.length > 0 && (
        <>
          <div className="toolbar">
            <Button look="quiet" onClick={() => setChosen(new Set(images.map(({ key }) => key)))}>
              Select all
            </Button>
            {keys.length > 0 && (
              <Button look="quiet" onClick={() => setChosen(new Set())}>
                Clear
              </Button>
            )}
          </div>
          <Tiles images={images} chosen={chosen} onToggle={toggle} />
        </>
      )}
      {hasNextPage && (
        <div className="more">
          <Button busy={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Load more
          </Button>
        </div>
      )}
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        title={`Delete ${plural(total, "photo")} for good?`}
        action="Empty the trash"
        busy={busy}
        onConfirm={() => void empty()}
      >
        <p>This cannot be undone. Job results are kept, without the photos.</p>
      </Confirm>
    </>
  );
}
