import { ImageOff } from "lucide-react";
import { useEffect } from "react";
import { plural } from "../domain/format";
import { Link } from "../state/router";
import { selection, without } from "../state/selection";
import { useStore } from "../state/store";
import { Button } from "../ui/Button";
import { Thumbnail } from "../ui/Picture";
import { Notice } from "../ui/States";
import { changeDraft, draft } from "../state/draft";
import { galleryPath, goneWords, lostWords, titleOf, type Photos } from "./photos";
import { Section } from "./Section";
import { usePhotos } from "./usePhotos";
import "./ChosenPhotos.css";

const stripLength = 16; // fills a wide screen

// Says that chosen photos are gone. With none left there is nothing to leave out: an empty selection
// would stand for every photo, which only the user can choose.
function Gone({ photos }: { photos: Photos }) {
  const { chosen } = useStore(draft);
  const { missing, count, lost } = photos;
  const words = lost ? lostWords(chosen) : goneWords(photos);
  const leaveOut = () => selection.set((now) => without(now, new Set(missing)));
  return (
    <div role="status">
      {words && (
        <Notice
          icon={ImageOff}
          tone="warning"
          action={
            lost ? (
              <Button onClick={() => changeDraft({ chosen: 0 })}>
                Use all {plural(count, "photo")}
              </Button>
            ) : (
              missing.length < count && (
                <Button onClick={leaveOut}>
                  {missing.length === 1 ? "Leave it out" : "Leave them out"}
                </Button>
              )
            )
          }
        >
          {words}
        </Notice>
      )}
    </div>
  );
}

export function ChosenPhotos() {
  const { photos } = usePhotos();
  const chosen = photos?.all ? 0 : (photos?.count ?? 0);
  useEffect(() => {
    if (chosen > 0) changeDraft({ chosen });
  }, [chosen]);
  if (!photos) return null;
  const none = photos.lost || photos.missing.length === photos.count;
  return (
    <Section
      title={titleOf(photos)}
      aside={
        <Link href={galleryPath(photos.rule)} className={`button ${none ? "primary" : "quiet"}`}>
          {none ? "Choose photos" : photos.all ? "Choose some" : "Change"}
        </Link>
      }
    >
      {photos.first.length > 0 && !photos.lost && (
        <ul className="strip" aria-hidden>
          {photos.first.slice(0, stripLength).map((key) => (
            <li key={key}>
              <Thumbnail image={key} size={128} />
            </li>
          ))}
        </ul>
      )}
      <Gone photos={photos} />
    </Section>
  );
}
