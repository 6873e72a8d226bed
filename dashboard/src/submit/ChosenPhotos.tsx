import { ImageOff } from "lucide-react";
import { Link } from "../state/router";
import { selection, without } from "../state/selection";
import { Button } from "../ui/Button";
import { Thumbnail } from "../ui/Picture";
import { Notice } from "../ui/States";
import { galleryPath, goneWords, titleOf, type Photos } from "./photos";
import { Section } from "./Section";
import { usePhotos } from "./usePhotos";
import "./ChosenPhotos.css";

const stripLength = 16; // fills a wide screen

// Says that chosen photos are gone. With none left there is nothing to leave out: an empty selection
// would stand for every photo.
function Gone({ photos }: { photos: Photos }) {
  const words = goneWords(photos);
  const leaveOut = () => selection.set((now) => without(now, new Set(photos.missing)));
  return (
    <div role="status">
      {words && (
        <Notice
          icon={ImageOff}
          tone="warning"
          action={
            photos.missing.length < photos.count && (
              <Button onClick={leaveOut}>
                {photos.missing.length === 1 ? "Leave it out" : "Leave them out"}
              </Button>
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
  if (!photos) return null;
  const none = photos.missing.length === photos.count;
  return (
    <Section
      title={titleOf(photos)}
      aside={
        <Link href={galleryPath(photos.rule)} className={`button ${none ? "primary" : "quiet"}`}>
          {none ? "Choose photos" : photos.all ? "Choose some" : "Change"}
        </Link>
      }
    >
      {photos.first.length > 0 && (
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
