// What stands around photos that were found by what they show.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Eye, Images, SearchX, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { indexKey, knownName } from "../api/catalogue";
import { ApiError, indexAll, sentenceOf } from "../api/client";
import { useIndex } from "../api/search";
import { formatCount, lastPart, plural } from "../domain/format";
import { Link } from "../state/router";
import { Button } from "../ui/Button";
import { Bar, Segments } from "../ui/Fields";
import { Thumbnail } from "../ui/Picture";
import { EmptyState, ErrorState } from "../ui/States";
import { tellProblem } from "../ui/toast";
import type { By } from "./finding";
import { isPicture, pictureOf } from "./likePicture";
import "./Finding.css";

// How many photos can be found; nothing where all can.
export function IndexLine() {
  const client = useQueryClient();
  const { data } = useIndex(true);
  const [asked, setAsked] = useState(false);
  const look = useMutation({
    mutationFn: indexAll,
    onSuccess: (state) => {
      setAsked(true);
      client.setQueryData(indexKey, { ...state, unsure: true });
    },
    onError: (error) => tellProblem("The photos are not looked at", sentenceOf(error)),
  });
  if (!data || data.total === 0 || (data.indexed >= data.total && !data.busy)) return null;
  const { indexed, total, busy, unsure } = data;
  const left = total - indexed;
  return (
    <div className="index-line">
      <p role="status">
        {`${formatCount(indexed)} of ${plural(total, "photo")} can be found by what they show.`}
        {busy && " The others are being looked at."}
        {asked && !busy && !unsure && left > 0 && ` ${formatCount(left)} cannot be looked at.`}
      </p>
      {busy && <Bar value={indexed / total} label="Photos looked at" />}
      {!busy && !asked && !unsure && (
        <Button icon={Eye} busy={look.isPending} onClick={() => look.mutate()}>
          Look at all photos
        </Button>
      )}
    </div>
  );
}

// Above photos of which none fits.
export function NearestLine() {
  return (
    <div className="index-line">
      <p role="status">Nothing fits well. These come nearest.</p>
    </div>
  );
}

// The choice between the two ways of finding.
export function ByChoice({
  by,
  named,
  onChange,
}: {
  by: By;
  named: number | undefined;
  onChange: (by: By) => void;
}) {
  return (
    <Segments<By>
      label="Find photos"
      value={by}
      options={[
        {
          value: "name",
          label: named === undefined ? "By name" : `By name (${formatCount(named)})`,
        },
        { value: "content", label: "By what they show" },
      ]}
      onChange={onChange}
    />
  );
}

// What the photos are like.
export function LikeLine({ like }: { like: string }) {
  const client = useQueryClient();
  const picture = pictureOf(like);
  const heading = useRef<HTMLHeadingElement>(null);
  // It came from a preview or a bar that is gone, and the focus with it.
  useEffect(() => {
    const frame = requestAnimationFrame(() => {
      if (document.activeElement === document.body) heading.current?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [like]);
  const name = picture ? picture.name : lastPart(knownName(client, like));
  return (
    <div className="like-line">
      {picture?.url && <img src={picture.url} alt="" />}
      {!isPicture(like) && <Thumbnail image={like} size={96} />}
      <h2 ref={heading} tabIndex={-1}>
        More like <bdi>{isPicture(like) && !picture ? "a picture" : name}</bdi>
      </h2>
      <Link href="/" className="button quiet">
        <X size={16} aria-hidden />
        Show all photos
      </Link>
    </div>
  );
}

interface NothingProps {
  like: string;
  possible: boolean | undefined; // for the server
  error: Error | null;
  filtered: boolean;
  onRetry: () => void;
  onAll: () => void;
}

// Why no photo was found.
export function NothingFound({ like, possible, error, filtered, onRetry, onAll }: NothingProps) {
  const all = <Button onClick={onAll}>Show all photos</Button>;
  if (isPicture(like) && !pictureOf(like)) {
    return (
      <EmptyState icon={Images} title="The picture is no longer here" actions={all}>
        <p>It was not stored. Choose it again to find photos like it.</p>
      </EmptyState>
    );
  }
  const status = error instanceof ApiError ? error.status : 0;
  if (status === 409) {
    return (
      <EmptyState icon={Eye} title="No photo has been looked at yet">
        <p>Until then, photos are found by their names only.</p>
      </EmptyState>
    );
  }
  if (error && status === 404) {
    return (
      <EmptyState icon={SearchX} title="The photo is no longer stored" actions={all}>
        <p>It may have been deleted.</p>
      </EmptyState>
    );
  }
  if (possible === false && !error) {
    return (
      <EmptyState icon={SearchX} title="No photo matches" actions={all}>
        <p>This server cannot find photos by what they show.</p>
      </EmptyState>
    );
  }
  if (error) return <ErrorState error={error} onRetry={onRetry} />;
  return (
    <EmptyState icon={SearchX} title="No photo matches" actions={all}>
      <p>
        {filtered
          ? "None of the photos within these filters can be found by what they show."
          : "No photo can be found by what it shows."}
      </p>
    </EmptyState>
  );
}
